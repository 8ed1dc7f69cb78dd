"""How a run stands: percent, time left, machines, and the grid of steps and machines."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from clusters.engine.events import State
from clusters.models import Run, StepRun

if TYPE_CHECKING:
    from datetime import datetime

# Seconds that a step is expected to take when nobody has measured or estimated it.
UNKNOWN_SECONDS = 5.0
# A running step counts at most this much, however long it takes.
MOST_OF_RUNNING = 0.95
# Measured steps vary by about this much from run to run; the range shown is as wide.
SHORTER, LONGER = 0.8, 1.5


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run at a glance. Seconds everywhere; `eta_low` and `eta_high` are what is left, None when nobody knows."""

    state: str
    percent: int
    elapsed: float
    eta_low: float | None
    eta_high: float | None
    machines_ok: int
    machines_failed: int
    machines_waiting: int
    last_seq: int
    message: str
    failures: list[dict[str, Any]]
    attempt: int
    last_line: int = 0
    same: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """One step on one machine. `seconds` of a running one count up to now."""

    host: str
    state: str
    seconds: float
    message: str


@dataclass(frozen=True, slots=True)
class Row:
    """One step; `cells` are in the order of the grid's machines, None where the step has no part."""

    step: str
    title: str
    cells: list[Cell | None]


@dataclass(frozen=True, slots=True)
class Grid:
    """Machines and phases in the order of the plan; each phase is (name, rows)."""

    hosts: list[str] = field(default_factory=list)
    phases: list[tuple[str, list[Row]]] = field(default_factory=list)


def run_summary(run: Run) -> RunSummary:
    """How the run stands now."""
    now = timezone.now()
    steps = list(StepRun.objects.filter(run_id=run.pk))
    low, high = _time_left(run, steps, now)
    machines = _machines(steps)
    return RunSummary(
        state=run.state,
        percent=_percent(run, steps, now),
        elapsed=_elapsed(run, now),
        eta_low=low,
        eta_high=high,
        machines_ok=machines.count("ok"),
        machines_failed=machines.count("failed"),
        machines_waiting=machines.count("waiting"),
        last_seq=run.last_seq,
        message=run.message,
        failures=run.failures,
        attempt=run.attempt,
        last_line=run.last_line,
        same=sum(step.same for step in steps),
        changed=sum(step.changed for step in steps),
    )


def _elapsed(run: Run, now: datetime) -> float:
    if run.started_at is None:
        return 0.0
    return max(0.0, ((run.finished_at or now) - run.started_at).total_seconds())


def _percent(run: Run, steps: list[StepRun], now: datetime) -> int:
    """Expected seconds behind us of all expected seconds; 100 only for a run that succeeded."""
    if run.state == Run.State.SUCCEEDED:
        return 100
    total = sum(_expected(step) for step in steps)
    done = sum(_expected(step) * _share(step, now) for step in steps)
    return min(99, int(100 * done / total)) if total else 0


def _time_left(run: Run, steps: list[StepRun], now: datetime) -> tuple[float | None, float | None]:
    """From the machine that has the most to do: machines work side by side."""
    if not run.active or not steps:
        return None, None
    left: dict[str, float] = defaultdict(float)
    for step in steps:
        if not State(step.state).over:
            left[step.host] += _expected(step) * (1 - _share(step, now))
    longest = max(left.values(), default=0.0)
    return longest * SHORTER, longest * LONGER


def _expected(step: StepRun) -> float:
    return step.expected or UNKNOWN_SECONDS


def _share(step: StepRun, now: datetime) -> float:
    """How much of a step is behind us."""
    state = State(step.state)
    if state.over:
        return 1.0
    if state is State.RUNNING and step.started_at:
        return min(MOST_OF_RUNNING, (now - step.started_at).total_seconds() / _expected(step))
    return 0.0


def _machines(steps: list[StepRun]) -> list[str]:
    """What can be said of each machine: failed, waiting while something is to be done, else ok."""
    states: dict[str, set[State]] = defaultdict(set)
    for step in steps:
        if step.host:
            states[step.host].add(State(step.state))
    found = []
    for seen in states.values():
        if State.FAILED in seen:
            found.append("failed")
        elif all(state.good for state in seen):
            found.append("ok")
        else:
            found.append("waiting")
    return found


def run_grid(run: Run) -> Grid:
    """Every step on every machine, in reading order."""
    now = timezone.now()
    steps = list(StepRun.objects.filter(run_id=run.pk).order_by("position", "pk"))
    hosts = list(dict.fromkeys(step.host for step in steps))
    rows: dict[str, Row] = {}
    phases: dict[str, list[Row]] = {}
    for step in steps:
        row = rows.get(step.step)
        if row is None:
            row = rows[step.step] = Row(step.step, step.title, [None] * len(hosts))
            phases.setdefault(step.phase, []).append(row)
        row.cells[hosts.index(step.host)] = _cell(step, now)
    return Grid(hosts, list(phases.items()))


def _cell(step: StepRun, now: datetime) -> Cell:
    seconds = step.seconds
    if step.state == State.RUNNING and step.started_at:
        seconds = max(0.0, (now - step.started_at).total_seconds())
    return Cell(step.host, step.state, seconds, step.message)
