"""run_ending(): who asked a run to stop and when, and what must not be cut and ends first: steps, or parts of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils import timezone

from clusters.engine.events import State
from clusters.selectors.progress import steps_of

if TYPE_CHECKING:
    from datetime import datetime

    from clusters.models import Run, StepRun

# Steps that are named; of more the page says how many.
MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class Whole:
    """What may not be cut: a step on a machine, or only the `part` of it that is at work; `since` then."""

    title: str
    host: str
    since: datetime | None
    part: str = ""

    @property
    def seconds(self) -> float:
        """For how long it has been at work."""
        return max(0.0, (timezone.now() - self.since).total_seconds()) if self.since else 0.0


@dataclass(frozen=True, slots=True)
class Ending:
    """A cancel that was asked for by `by`, `seconds` ago, and what runs: `whole`, and (title, machine) of the rest."""

    by: str
    at: datetime
    seconds: float
    whole: list[Whole]
    asked: list[tuple[str, str]]

    @property
    def more(self) -> int:
        """How many of those that are asked to end are not named."""
        return len(self.asked) - MOST_NAMED if len(self.asked) > MOST_NAMED else 0

    @property
    def named(self) -> list[tuple[str, str]]:
        """Those of them that are named."""
        return self.asked[:MOST_NAMED]


def run_ending(run: Run) -> Ending | None:
    """The cancel of a run, while it ends and afterwards; None when nobody asked."""
    if run.cancel_asked_at is None:
        return None
    uncut = {row["path"] for row in run.plan if row.get("uncut")}
    on = [step for step in steps_of(run) if step.state == State.RUNNING] if run.active else []
    return Ending(
        by=run.cancel_asked_by.get_username() if run.cancel_asked_by else "",
        at=run.cancel_asked_at,
        seconds=max(0.0, (timezone.now() - run.cancel_asked_at).total_seconds()),
        whole=[_whole(step, part=step.step not in uncut) for step in on if step.step in uncut or step.uncut],
        asked=[_named(step) for step in on if step.step not in uncut and not step.uncut],
    )


def _whole(step: StepRun, *, part: bool) -> Whole:
    title, host = _named(step)
    if not part:
        return Whole(title, host, step.started_at)
    return Whole(title, host, step.uncut_since, step.uncut[:1].upper() + step.uncut[1:])


def _named(step: StepRun) -> tuple[str, str]:
    return step.title or step.step, step.host
