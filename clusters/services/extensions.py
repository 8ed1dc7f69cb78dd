"""run_wait_longer(): gives a step that takes longer than usual more time on one machine while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from clusters.models import Extension, Run
from clusters.selectors.slow_steps import more_seconds
from clusters.services.audit import allowed, audited
from clusters.services.reasons import NotPossible

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def run_wait_longer(*, actor: User | None, run: Run, step: str, host: str, given: int) -> None:
    """Extend the step on that machine by its timeout. The run's worker applies it within a second.

    `given` is how often this was done before, as the actor sees it: the second of two presses for the same extension
    does nothing. Raises NotPossible when the step no longer runs there.
    """
    allowed(actor, run.cluster)
    with transaction.atomic():
        # The row is locked for the transaction, so that presses are processed one after the other.
        active = Run.objects.select_for_update().filter(pk=run.pk, state=Run.State.RUNNING).exists()
        row = run.steps.filter(step=step, host=host, state="running").first() if active else None
        if row is None:
            raise NotPossible(
                _("%(step)s is no longer running on %(host)s.") % {"step": step, "host": host},
                hint=_("If it timed out, retry the run; the page offers more time while a step runs."),
            )
        if run.extensions.filter(step=step, host=host).count() != given:
            return
        seconds = more_seconds(row.timeout)
        Extension.objects.create(run=run, step=step, host=host, seconds=seconds, asked_by=actor)
        audited(actor, "run.wait_longer", run.cluster.name, run=run.pk, step=step, host=host, seconds=seconds)
