"""The result of a preview: for each machine what is already correct, what would change, and what is not known yet."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clusters.engine.check import PRECHECK
from clusters.engine.events import State
from clusters.models import Event
from clusters.selectors.earlier_results import LOOK_SECONDS
from clusters.selectors.progress import graph_of, steps_of

if TYPE_CHECKING:
    from datetime import datetime

    from clusters.models import Run, StepRun

MOST_SHOWN = 2_000
"""Wanted states of one machine that a page shows."""
MOST_MACHINES = 200
"""Machines that a page lists; if there are more, failed ones come first, then those with changes."""
WORST_FIRST = ("failed", "would", "unforeseen", "waiting", "same")


@dataclass(frozen=True, slots=True)
class Seen:
    """One wanted state: `found` and `diff` show the actual state."""

    what: str
    state: str
    found: str
    diff: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SeenStep:
    """A step on the shown machine with its observations; `state` is "skipped" if it was not checked.

    `message` is the reason of a failure.
    """

    step: str
    title: str
    phase: str
    state: str
    wants: tuple[Seen, ...]
    message: str = ""


@dataclass(frozen=True, slots=True)
class MachineSeen:
    """One machine: how many wanted states are reached, and how many steps have which result."""

    host: str
    same: int
    would: int
    unforeseen: int
    failed: int
    unseen: int

    @property
    def state(self) -> str:
        """The state that pages show for it."""
        found = {"failed": self.failed, "unforeseen": self.unforeseen, "would": self.would, "waiting": self.unseen}
        return next((state for state in WORST_FIRST if found.get(state)), "same")


@dataclass(frozen=True, slots=True)
class PreviewSeen:
    """The observations of a preview; steps are those of the machine `host`. `more` machines are not listed.

    `seconds` is how long a run would take, mostly `measured` in earlier runs or by shipped estimates.
    """

    machines: list[MachineSeen]
    more: int
    host: str
    failed: list[SeenStep]
    changes: list[SeenStep]
    unforeseen: list[SeenStep]
    same: list[SeenStep]
    unseen: list[SeenStep]
    seconds: float
    measured: bool
    since: datetime | None
    until: datetime | None

    @property
    def complete(self) -> bool:
        """Whether every step of the shown machine was checked and has a known result."""
        return self.until is not None and not (self.failed or self.unforeseen or self.unseen)


def run_preview_seen(run: Run, host: str = "") -> PreviewSeen:
    """The results so far, for this machine or the first one."""
    steps = steps_of(run)
    by_host: dict[str, list[StepRun]] = defaultdict(list)
    for step in steps:
        by_host[step.host].append(step)
    shown = host if host in by_host else next(iter(by_host), "")
    mine = by_host.get(shown, [])
    every = _steps_of_machine(run, shown, mine)
    checks = {step.step for step in mine if _is_check(step)}
    seen = [each for each in every if each.step not in checks]
    seconds, measured = _seconds(run, steps)
    machines = [_machine(name, rows) for name, rows in by_host.items()]
    if len(machines) > MOST_MACHINES:
        machines.sort(key=lambda machine: WORST_FIRST.index(machine.state))
    return PreviewSeen(
        machines=machines[:MOST_MACHINES],
        more=max(0, len(machines) - MOST_MACHINES),
        host=shown,
        failed=[each for each in every if each.state == State.FAILED],
        changes=[each for each in seen if each.state == State.WOULD],
        unforeseen=[each for each in seen if each.state == State.UNFORESEEN],
        same=[each for each in seen if each.state == State.SAME],
        unseen=[each for each in seen if each.state in (State.WAITING, State.SKIPPED, State.CANCELLED)],
        seconds=seconds,
        measured=measured,
        since=run.started_at,
        until=run.finished_at,
    )


def _machine(name: str, steps: list[StepRun]) -> MachineSeen:
    states = [step.state for step in steps]
    return MachineSeen(
        host=name,
        same=sum(step.same for step in steps if not _is_check(step)),
        would=states.count(State.WOULD),
        unforeseen=states.count(State.UNFORESEEN),
        failed=states.count(State.FAILED),
        unseen=sum(states.count(state) for state in (State.WAITING, State.SKIPPED, State.CANCELLED)),
    )


def _is_check(step: StepRun) -> bool:
    return step.phase == PRECHECK


def _steps_of_machine(run: Run, host: str, steps: list[StepRun]) -> list[SeenStep]:
    wants: dict[str, list[Seen]] = defaultdict(list)
    rows = Event.objects.filter(run=run, kind="want", host=host).order_by("seq").values_list("step", "data")
    for path, data in rows[:MOST_SHOWN]:
        words = {name: str(data.get(name, "")) for name in ("what", "state", "found", "diff")}
        wants[path].append(Seen(**words))
    return [
        SeenStep(step.step, step.title or step.step, step.phase, step.state, tuple(wants[step.step]), step.message)
        for step in steps
    ]


def _seconds(run: Run, steps: list[StepRun]) -> tuple[float, bool]:
    """The duration of the longest chain of steps that wait for each other; a step with nothing to do costs a check."""
    cost = {
        (step.step, step.host): min(step.expected, LOOK_SECONDS) if step.state == State.SAME else step.expected
        for step in steps
    }
    known = sum(cost[step.step, step.host] for step in steps if step.measured)
    longest = max(graph_of(run, steps).finishes(lambda node: cost[node]).values(), default=0.0) if run.plan else 0.0
    return longest, known > sum(cost.values()) / 2
