"""Attempts after a failure: one step, the remaining steps, or all of them with a precheck waived for a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from clusters import catalog
from clusters.engine.check import CHECKS, PRECHECK
from clusters.engine.plan import make_plan
from clusters.engine.step import discover
from clusters.models import Run
from clusters.services.audit import allowed, audited
from clusters.services.installs import run_retry
from clusters.services.orders import order_for
from clusters.services.reasons import NotPossible, accepted, given_reason

if TYPE_CHECKING:
    from django.contrib.auth.models import User

DONE = ("same", "changed", "warning")


def run_retry_step(*, actor: User | None, run: Run, step: str) -> Run:
    """Run only the prechecks and one step on all its machines; this does not complete the cluster.

    Raises NotPossible when the current plan has no such step.
    """
    allowed(actor, run.cluster)
    order = _order(run, step)
    return run_retry(actor=actor, run=run, only=[*_gates(order), step], part=Run.Part.STEP)


def run_retry_from(*, actor: User | None, run: Run, step: str) -> Run:
    """Run the prechecks, every step from this one on, and earlier steps that were not done on every machine.

    Raises NotPossible when the current plan has no such step.
    """
    allowed(actor, run.cluster)
    order = _order(run, step)
    undone = set(run.steps.exclude(state__in=DONE).values_list("step", flat=True))
    known = set(run.steps.values_list("step", flat=True))
    rest = order.index(step)
    chosen = [path for place, path in enumerate(order) if place >= rest or path in undone or path not in known]
    only = [*_gates(order), *(path for path in chosen if not _is_gate(path))]
    whole = len(only) == len(order)
    return run_retry(actor=actor, run=run, only=() if whole else only, part=Run.Part.WHOLE if whole else Run.Part.REST)


def run_waive(*, actor: User | None, run: Run, check: str, reason: str) -> Run:
    """A new attempt in which this precheck does not block; the run records who waived it and why.

    Raises NotPossible when the precheck may not be waived, did not fail, or no reason is given.
    """
    allowed(actor, run.cluster)
    discover(catalog)
    found = CHECKS.checks.get(check)
    if found is None or not found.waivable:
        raise NotPossible(_("%(check)s cannot be waived: this check is mandatory.") % {"check": check})
    if not any(failure.get("step") == f"{PRECHECK}/{check}" for failure in run.failures):
        raise NotPossible(_("%(check)s did not fail in this run.") % {"check": check})
    reason = given_reason(reason, check)
    record = accepted(actor, check, found.title, reason)
    with transaction.atomic():
        again = run_retry(actor=actor, run=run, more_waivers=[check], accepted_since=[record])
        if record in again.accepted:  # else it is a run that was already active
            audited(actor, "run.waive", run.cluster.name, run=again.pk, check=check, reason=reason)
    return again


def waivable(step: str) -> str:
    """The id of the precheck of this step, if it may be waived; empty otherwise."""
    if not _is_gate(step):
        return ""
    discover(catalog)
    found = CHECKS.checks.get(step.removeprefix(f"{PRECHECK}/"))
    return found.id if found is not None and found.waivable else ""


def _order(run: Run, step: str) -> list[str]:
    """The steps of the current plan in reading order; `step` is one of them."""
    discover(catalog)
    run.cluster.refresh_from_db()
    wanted = order_for(run.cluster, run.recipe, run.answers)
    order = [row.path for row in make_plan(wanted.document, run.recipe, answers=wanted.answers).steps]
    if step not in order:
        raise NotPossible(
            _("The plan no longer has a step %(step)s.") % {"step": step},
            hint=_("The document has changed since then; retry from the beginning."),
        )
    return order


def _gates(order: list[str]) -> list[str]:
    return [path for path in order if _is_gate(path)]


def _is_gate(path: str) -> bool:
    return path.startswith(f"{PRECHECK}/")
