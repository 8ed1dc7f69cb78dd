"""run_ending(): who cancelled a run and when, and which steps, or parts of them, must finish first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils import timezone

from clusters.engine.events import State
from clusters.selectors.progress import steps_of

if TYPE_CHECKING:
    from datetime import datetime

    from clusters.models import Run, StepRun

# Steps that are named; the page shows how many more there are.
MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class Whole:
    """Work that must not be interrupted: a step on a machine, or only its current `part`; `since` when."""

    title: str
    host: str
    since: datetime | None
    part: str = ""

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return max(0.0, (timezone.now() - self.since).total_seconds()) if self.since else 0.0


@dataclass(frozen=True, slots=True)
class Ending:
    """A cancel requested by `by`, `seconds` ago, and what is running: `whole`, and (title, machine) of the rest."""

    by: str
    at: datetime
    seconds: float
    whole: list[Whole]
    signalled: list[tuple[str, str]]

    @property
    def more(self) -> int:
        """How many of the steps that got SIGTERM are not named."""
        return len(self.signalled) - MOST_NAMED if len(self.signalled) > MOST_NAMED else 0

    @property
    def named(self) -> list[tuple[str, str]]:
        """The steps that are named."""
        return self.signalled[:MOST_NAMED]


def run_ending(run: Run) -> Ending | None:
    """The cancel of a run, while it ends and afterwards; None if there was none."""
    if run.cancel_asked_at is None:
        return None
    uncut = {row["path"] for row in run.plan if row.get("uncut")}
    on = [step for step in steps_of(run) if step.state == State.RUNNING] if run.active else []
    return Ending(
        by=run.cancel_asked_by.get_username() if run.cancel_asked_by else "",
        at=run.cancel_asked_at,
        seconds=max(0.0, (timezone.now() - run.cancel_asked_at).total_seconds()),
        whole=[_whole(step, part=step.step not in uncut) for step in on if step.step in uncut or step.uncut],
        signalled=[_title_and_host(step) for step in on if step.step not in uncut and not step.uncut],
    )


def _whole(step: StepRun, *, part: bool) -> Whole:
    title, host = _title_and_host(step)
    if not part:
        return Whole(title, host, step.started_at)
    return Whole(title, host, step.uncut_since, step.uncut[:1].upper() + step.uncut[1:])


def _title_and_host(step: StepRun) -> tuple[str, str]:
    return step.title or step.step, step.host
