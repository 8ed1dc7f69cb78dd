"""late_steps(): steps that run for longer than usual, their remaining time, and who gave them more."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.utils import timezone

from clusters.engine.events import State
from clusters.models import Extension, Run
from clusters.selectors.progress import steps_of

if TYPE_CHECKING:
    from clusters.models import StepRun

# A step is late when it has taken this many times the expected duration, plus some seconds ...
LATE, LATE_SECONDS = 3.0, 10.0
# ... and in any case after this share of its timeout: a step is always late before it fails.
LATE_SHARE = 0.5
# Late steps that are shown; the same problem on many machines needs no line for each.
MOST_SHOWN = 4


@dataclass(frozen=True, slots=True)
class LateStep:
    """A step that runs for longer than usual. Times are in seconds.

    `left` is the time until it fails, None when unknown; `minutes` is how much more time the button would grant,
    `given` how often it was pressed, by `by`.
    """

    step: str
    title: str
    host: str
    seconds: float
    expected: float
    measured: bool
    left: float | None
    minutes: int
    given: int
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LateSteps:
    """The late steps that are shown, longest first, and the `count` of all."""

    listed: list[LateStep] = field(default_factory=list)
    count: int = 0

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.count - len(self.listed)


def late_after(expected: float, timeout: float) -> float | None:
    """After how many seconds a running step is late; None when unknown."""
    limits = [LATE * expected + LATE_SECONDS] if expected > 0 else []
    limits += [LATE_SHARE * timeout] if timeout > 0 else []
    return min(limits, default=None)


def more_seconds(timeout: float) -> float:
    """The time that "wait longer" grants: the step's timeout again, in whole minutes, at least five."""
    return max(300.0, 60.0 * round(timeout / 60.0))


def late_steps(run: Run) -> LateSteps:
    """The steps that are late now."""
    if run.state != Run.State.RUNNING:
        return LateSteps()
    now = timezone.now()
    found = []
    for step in steps_of(run):
        if step.state != State.RUNNING or step.started_at is None:
            continue
        seconds = (now - step.started_at).total_seconds()
        after = late_after(step.expected, step.timeout)
        if after is not None and seconds > after:
            found.append((seconds, step))
    if not found:
        return LateSteps()
    found.sort(key=lambda one: -one[0])
    given = _extensions_of(run)
    listed = [_late(step, seconds, given[(step.step, step.host)]) for seconds, step in found[:MOST_SHOWN]]
    return LateSteps(listed, len(found))


def _extensions_of(run: Run) -> defaultdict[tuple[str, str], list[Extension]]:
    given: defaultdict[tuple[str, str], list[Extension]] = defaultdict(list)
    for one in Extension.objects.filter(run_id=run.pk).select_related("asked_by"):
        given[(one.step, one.host)].append(one)
    return given


def _late(step: StepRun, seconds: float, given: list[Extension]) -> LateStep:
    more = sum(one.seconds for one in given)
    names = dict.fromkeys(one.asked_by.get_username() for one in given if one.asked_by)
    return LateStep(
        step=step.step,
        title=step.title or step.step,
        host=step.host,
        seconds=seconds,
        expected=step.expected,
        measured=step.measured,
        left=max(0.0, step.timeout + more - seconds) if step.timeout else None,
        minutes=round(more_seconds(step.timeout) / 60),
        given=len(given),
        by=tuple(names),
    )
