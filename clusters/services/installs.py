"""Runs: started once however often the button is pressed, cancelled, and tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from clusters.errors import InstallerError
from clusters.models import Cluster, Event, Run
from clusters.runs.documents import read_document
from clusters.runs.doorbell import ring
from clusters.runs.notices import announce
from clusters.runs.store import cluster_ended
from clusters.services.acknowledgements import texts_for
from clusters.services.audit import allowed, audited
from clusters.services.credentials import refuse_credentials, used_in
from clusters.services.findings import findings_of
from clusters.services.reasons import accepted, given_reason
from clusters.services.waivers import ids_of, judged, waivers_for

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.contrib.auth.models import AbstractBaseUser

    from clusters.config.finding import Finding


class RunRefused(InstallerError):
    """The document has findings that block an installation; carries them."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        count = len(findings)
        super().__init__(
            f"{count} finding{'s' if count != 1 else ''} must be solved first: {findings[0].message}",
            hint=findings[0].hint,
        )
        self.findings = findings


def run_start(
    *,
    actor: AbstractBaseUser | None,
    cluster: Cluster,
    recipe: str = "create",
    waivers: Collection[str] = (),
    reason: str = "",
    acknowledge_all: bool = False,
    at_terminal: bool = False,
) -> Run:
    """Freeze the document into a run and queue it. While one is active, that one is given back instead.

    `waivers` are errors that do not block, by their ids, for this `reason`. `acknowledge_all` is for whoever has shown
    the actor every warning, `at_terminal` for a command that carries the run out itself, with the key files of its
    user. Raises RunRefused when findings block, ReasonMissing when nobody says why some do not, CredentialRefused when
    the actor may not use a credential, WarningsUnread when a warning was not acknowledged, TextsUnread when a text
    that runs as root was not, ConfigError when the document cannot be read.
    """
    allowed(actor, cluster)
    why = given_reason(reason, ", ".join(sorted(waivers))) if waivers else ""
    cluster.refresh_from_db()
    _refuse_findings(actor, cluster, waivers, at_terminal=at_terminal)
    known = waivers_for(actor=actor, cluster=cluster, acknowledge_all=acknowledge_all)
    ids = sorted({*waivers, *ids_of(known)})
    fields: dict[str, Any] = {"recipe": recipe, "waivers": ids, "acknowledged": known}
    fields["accepted"] = [accepted(actor, id, id, why) for id in sorted({id.partition("@")[0] for id in waivers})]
    fields["acknowledged_texts"] = texts_for(actor=actor, cluster=cluster)
    return _queue(actor, cluster, cluster.document, "run.start", **fields)


def run_retry(
    *,
    actor: AbstractBaseUser | None,
    run: Run,
    more_waivers: Collection[str] = (),
    accepted_since: Collection[dict[str, Any]] = (),
    only: Collection[str] = (),
    part: str = Run.Part.WHOLE,
) -> Run:
    """Another attempt with the cluster's present document; while a run is active, that one is given back.

    What the first attempt waived by name stays waived; what was ticked in the wizard is asked for again there.
    `only` these steps, which are that `part` of the recipe; `more_waivers` were `accepted_since`, with a reason.
    Raises what `run_start` raises.
    """
    allowed(actor, run.cluster)
    cluster = Cluster.objects.get(pk=run.cluster_id)
    named = {*run.waivers, *more_waivers} - ids_of(run.acknowledged)
    _refuse_findings(actor, cluster, named)
    known = waivers_for(actor=actor, cluster=cluster)
    ids = sorted({*named, *more_waivers, *ids_of(known)})
    fields = {"recipe": run.recipe, "waivers": ids, "acknowledged": known, "attempt": run.attempt + 1, "retry_of": run}
    fields |= {"accepted": [*run.accepted, *accepted_since], "only": list(only), "part": part}
    fields["acknowledged_texts"] = texts_for(actor=actor, cluster=cluster)
    return _queue(actor, cluster, cluster.document, "run.retry", **fields)


def run_cancel(*, actor: AbstractBaseUser | None, run: Run) -> None:
    """Ask the run to stop. One that no worker has begun is cancelled at once; one that is over stays as it is."""
    allowed(actor, run.cluster)
    now = timezone.now()
    with transaction.atomic():
        asked = {"cancel_asked_at": now, "cancel_asked_by": actor}
        message = "Cancelled before a worker began."
        waiting = Run.objects.filter(pk=run.pk, state=Run.State.QUEUED)
        running = Run.objects.filter(pk=run.pk, state=Run.State.RUNNING)
        ended = {"state": Run.State.CANCELLED, "finished_at": now, "message": message, "last_seq": 1}
        if waiting.update(**asked, **ended):
            data = {"state": "cancelled", "message": message}
            Event.objects.create(run=run, seq=1, at=now, kind="run", data=data)
            cluster_ended(run.cluster, "cancelled")
            announce(run.pk)
            audited(actor, "run.cancel", run.cluster.name, run=run.pk)
        elif running.update(state=Run.State.CANCELLING, **asked):
            audited(actor, "run.cancel", run.cluster.name, run=run.pk)
    run.refresh_from_db()
    ring(run.pk, run.last_seq)


def _refuse_findings(
    actor: AbstractBaseUser | None, cluster: Cluster, waivers: Collection[str], *, at_terminal: bool = False
) -> None:
    """Raises RunRefused for errors that are waived neither in the wizard nor by their ids.

    Raises CredentialRefused for a credential that the actor may not use, even if the cluster's owner may.
    """
    document = read_document(cluster.document)
    found = findings_of(cluster, document, waivers, at_terminal=at_terminal)
    blocking = tuple(finding for finding in judged(cluster, found) if finding.blocking)
    if blocking:
        raise RunRefused(blocking)
    refuse_credentials(actor, document)


def _queue(actor: AbstractBaseUser | None, cluster: Cluster, text: str, deed: str, **fields: object) -> Run:
    """The database's constraint decides when two presses come at once: one makes the run, the other is given it."""
    try:
        with transaction.atomic():
            run = Run.objects.create(cluster=cluster, document=text, asked_by=actor, **fields)
            Cluster.objects.filter(pk=cluster.pk).update(state=Cluster.State.INSTALLING)
            audited(actor, deed, cluster.name, run=run.pk, recipe=run.recipe, waivers=run.waivers, **used_in(text))
    except IntegrityError:
        active = Run.objects.filter(cluster=cluster, state__in=Run.ACTIVE).first()
        if active is None:
            raise
        return active
    cluster.refresh_from_db()
    return run
