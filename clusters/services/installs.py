"""Runs and previews: started once however often the button is pressed, cancelled, and retried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from clusters.catalog.recipes import recipes_by_name
from clusters.engine.recipe import DEFAULT
from clusters.errors import InstallerError
from clusters.models import Cluster, Event, Run
from clusters.runs.events.doorbell import ring
from clusters.runs.events.store import recipe_ended
from clusters.runs.notify.outbox import announce
from clusters.services.acknowledgements import texts_for
from clusters.services.audit import allowed, audited
from clusters.services.credentials import refuse_credentials, used_in
from clusters.services.drafts import refuse_other_version
from clusters.services.findings import findings_of
from clusters.services.orders import order_for, refuse_state, settled_state, the_same
from clusters.services.reasons import NotPossible, accepted, given_reason
from clusters.services.waivers import ids_of, judged, waivers_for

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from django.contrib.auth.models import User

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.services.orders import Order

ONLY_LOOKS = "preview/looks-only"
"""The only step that a preview names. No plan has it, so that a worker without support for previews refuses such a run
instead of carrying it out."""


class RunRefused(InstallerError):
    """The document has findings that block an installation; carries them."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        count = len(findings)
        super().__init__(
            f"{count} finding{'s' if count != 1 else ''} must be fixed first: {findings[0].message}",
            hint=findings[0].hint,
        )
        self.findings = findings


def run_start(
    *,
    actor: User | None,
    cluster: Cluster,
    recipe: str = DEFAULT,
    answers: Mapping[str, Any] | None = None,
    waivers: Collection[str] = (),
    reason: str = "",
    acknowledge_all: bool = False,
    at_terminal: bool = False,
    version: int | None = None,
) -> Run:
    """Freeze the document into a run of the recipe and queue it. While the same run is active, that one is returned.

    `waivers` are the ids of errors that do not block, for this `reason`. `acknowledge_all` is for callers that have
    shown the actor every warning, `at_terminal` for a command that executes the run itself, with the key files of its
    user, `version` is the one of the document that the actor was shown. Raises DraftConflict when the document has
    another version, RunRefused when findings block, ReasonMissing for waivers without a reason, CredentialRefused when
    the actor may not use a credential, WarningsUnread when a warning was not acknowledged, TextsUnread when a text
    that runs as root was not, ConfigError when the document cannot be read, and what `order_for`, `refuse_state` and
    `the_same` raise.
    """
    allowed(actor, cluster)
    why = given_reason(reason, ", ".join(sorted(waivers))) if waivers else ""
    cluster.refresh_from_db()
    refuse_other_version(cluster, version)
    order = order_for(cluster, recipe, answers or {})
    refuse_state(order.recipe, cluster)
    _refuse_findings(actor, order, waivers, at_terminal=at_terminal)
    known = waivers_for(actor=actor, cluster=order.cluster, acknowledge_all=acknowledge_all)
    fields: dict[str, Any] = {"waivers": sorted({*waivers, *ids_of(known)}), "acknowledged": known}
    fields["accepted"] = [accepted(actor, id, id, why) for id in sorted({id.partition("@")[0] for id in waivers})]
    fields["acknowledged_texts"] = texts_for(actor=actor, cluster=order.cluster)
    return _queue(actor, cluster, order, "run.start", **fields)


def run_preview(
    *,
    actor: User | None,
    cluster: Cluster,
    recipe: str = DEFAULT,
    answers: Mapping[str, Any] | None = None,
    waivers: Collection[str] = (),
    at_terminal: bool = False,
    document: Document | None = None,
    version: int | None = None,
) -> Run:
    """Queue a run that only checks, and reports what the recipe would change; the cluster does not change.

    With a `document` it reports what would change if the cluster had that one.
    It needs no acknowledgements, because it changes nothing. Blocking findings, and a document of another `version`,
    are refused as in `run_start`.
    """
    allowed(actor, cluster)
    cluster.refresh_from_db()
    refuse_other_version(cluster, version)
    order = order_for(cluster, recipe, answers or {}, document)
    refuse_state(order.recipe, cluster)
    _refuse_findings(actor, order, waivers, at_terminal=at_terminal)
    known = waivers_for(actor=actor, cluster=order.cluster, acknowledge_all=True)
    ids = sorted({*waivers, *ids_of(known)})
    return _queue(actor, cluster, order, "run.preview", waivers=ids, only=[ONLY_LOOKS], part=Run.Part.PREVIEW)


def run_retry(
    *,
    actor: User | None,
    run: Run,
    more_waivers: Collection[str] = (),
    accepted_since: Collection[dict[str, Any]] = (),
    only: Collection[str] = (),
    part: str = Run.Part.WHOLE,
) -> Run:
    """A new attempt with the cluster's current document; while a run is active, that one is returned.

    Findings that the first attempt waived by name stay waived; acknowledgements in the wizard must still be there.
    `only` these steps, which are that `part` of the recipe; `more_waivers` were `accepted_since`, with a reason.
    Raises what `run_start` raises, and NotPossible for a preview, which is not an attempt.
    """
    allowed(actor, run.cluster)
    if run.is_preview:
        raise NotPossible(_("A preview is not an attempt."), hint=_("Start another preview on the cluster's page."))
    cluster = Cluster.objects.get(pk=run.cluster_id)
    _refuse_an_old_one(run)
    order = order_for(cluster, run.recipe, run.answers)
    named = {*run.waivers, *more_waivers} - ids_of(run.acknowledged)
    _refuse_findings(actor, order, named)
    known = waivers_for(actor=actor, cluster=order.cluster)
    ids = sorted({*named, *more_waivers, *ids_of(known)})
    fields = {"waivers": ids, "acknowledged": known, "attempt": run.attempt + 1, "retry_of": run}
    fields |= {"accepted": [*run.accepted, *accepted_since], "only": list(only), "part": part}
    fields["acknowledged_texts"] = texts_for(actor=actor, cluster=order.cluster)
    return _queue(actor, cluster, order, "run.retry", **fields)


def _refuse_an_old_one(run: Run) -> None:
    """Raises NotPossible when another run of the cluster has ended since: this one may no longer be needed."""
    newer = run.cluster.runs.exclude(part=Run.Part.PREVIEW).exclude(state__in=Run.ACTIVE).filter(pk__gt=run.pk)
    if (last := newer.order_by("-pk").values_list("pk", flat=True).first()) is not None:
        raise NotPossible(
            _("Run %(newer)s is newer than this one.") % {"newer": last}, hint=_("Retry that one, or start again.")
        )


def run_cancel(*, actor: User | None, run: Run) -> None:
    """Ask the run to stop. A run that no worker has started is cancelled at once; one that has ended does not change.

    Raises NotPossible for a started run whose recipe cannot be cancelled.
    """
    allowed(actor, run.cluster)
    now = timezone.now()
    with transaction.atomic():
        asked = {"cancel_asked_at": now, "cancel_asked_by": actor}
        message = "Cancelled before a worker started."
        waiting = Run.objects.filter(pk=run.pk, state=Run.State.QUEUED)
        running = Run.objects.filter(pk=run.pk, state=Run.State.RUNNING)
        ended = {"state": Run.State.CANCELLED, "finished_at": now, "message": message, "last_seq": 1}
        if waiting.update(**asked, **ended):
            data = {"state": "cancelled", "message": message}
            Event.objects.create(run=run, seq=1, at=now, kind="run", data=data)
            if not run.is_preview:
                recipe_ended(run, "cancelled")
                announce(run.pk)
            audited(actor, "run.cancel", run.cluster.name, run=run.pk)
        elif not may_be_cancelled(run) and running.exists():
            raise NotPossible(_("This run can't be interrupted safely, so it finishes."))
        elif running.update(state=Run.State.CANCELLING, **asked):
            audited(actor, "run.cancel", run.cluster.name, run=run.pk)
    run.refresh_from_db()
    ring(run.pk, run.last_seq)


def may_be_cancelled(run: Run) -> bool:
    """Whether a worker stops this run on request; always true for a preview, and for a run whose recipe is gone."""
    known = recipes_by_name().get(run.recipe)
    return run.is_preview or known is None or known.cancellable


def _refuse_findings(actor: User | None, order: Order, waivers: Collection[str], *, at_terminal: bool = False) -> None:
    """Raises RunRefused for errors that are waived neither in the wizard nor by their ids.

    Raises CredentialRefused for a credential that the actor may not use, even if the cluster's owner may.
    """
    found = findings_of(order.cluster, order.document, waivers, at_terminal=at_terminal)
    blocking = tuple(finding for finding in judged(order.cluster, found) if finding.blocking)
    if blocking:
        raise RunRefused(blocking)
    refuse_credentials(actor, order.document)


def _queue(actor: User | None, cluster: Cluster, order: Order, deed: str, **fields: object) -> Run:
    """A database constraint decides between two presses at once: one creates the run, the other gets the same run."""
    text, recipe = order.cluster.document, order.recipe.name
    fields |= {"document": text, "recipe": recipe, "answers": order.answers, "cluster_before": settled_state(cluster)}
    try:
        with transaction.atomic():
            run = Run.objects.create(cluster=cluster, asked_by=actor, **fields)
            if not run.is_preview:
                state = Cluster.State.INSTALLING if recipe == DEFAULT else Cluster.State.WORKING
                Cluster.objects.filter(pk=cluster.pk).update(state=state)
            details = {"recipe": run.recipe, "answers": run.answers, "waivers": run.waivers, **used_in(text)}
            audited(actor, deed, cluster.name, run=run.pk, **details)
    except IntegrityError:
        active = cluster.active_run
        if active is None:
            raise
        return the_same(active, order, preview=deed == "run.preview")
    cluster.refresh_from_db()
    return run
