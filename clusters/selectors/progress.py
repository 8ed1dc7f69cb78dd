"""How a run stands: percent, time left, machines."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from clusters.engine.events import State
from clusters.models import Run, StepRun
from clusters.selectors.critical_path import Graph
from clusters.selectors.earlier_results import LOOK_SECONDS, so_before

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from clusters.selectors.critical_path import Node

# Seconds that a step is expected to take when nobody has measured or estimated it.
UNKNOWN_SECONDS = 5.0
# A running step counts at most this much, however long it takes.
MOST_OF_RUNNING = 0.95
# Measured steps vary by about this much from run to run; the range shown is as wide.
SHORTER, LONGER = 0.8, 1.5
# Shipped estimates come from other machines; they may be further off.
GUESSED_SHORTER, GUESSED_LONGER = 0.6, 2.0
# Runs whose steps are kept in memory: whoever watches asks for the same ones again and again.
KEPT = 4
# Seconds that a lease may be overdue before the page speaks of it: a worker may be about to take the run.
OVERDUE_SECONDS = 5.0

_kept: dict[tuple[Any, ...], list[StepRun]] = {}


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run at a glance. Seconds everywhere; `eta_low` and `eta_high` are what is left, None when nobody knows.

    `measured` says whether most of the time left comes from earlier runs rather than from shipped estimates.
    `silent` is how long ago the worker should have given a sign of life, None when it did.
    """

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
    unforeseen: int = 0
    measured: bool = False
    silent: float | None = None
    over: int = 0
    steps: int = 0
    now: list[str] = field(default_factory=list)


def steps_of(run: Run) -> list[StepRun]:
    """The steps of a run in reading order. They change only with an event, so those of the newest events are kept."""
    key = (run.pk, run.created_at, run.last_seq, run.state)
    if run.last_seq and (found := _kept.get(key)) is not None:
        return found
    rows = list(StepRun.objects.filter(run_id=run.pk).order_by("position", "pk"))
    _kept[key] = rows
    while len(_kept) > KEPT:
        _kept.pop(next(iter(_kept)), None)
    return rows


def graph_of(run: Run, steps: Iterable[StepRun]) -> Graph:
    """Who waits for whom."""
    hosts: dict[str, list[str]] = defaultdict(list)
    for step in steps:
        hosts[step.step].append(step.host)
    return Graph(run.plan, hosts)


def run_summary(run: Run) -> RunSummary:
    """How the run stands now."""
    now = timezone.now()
    steps = steps_of(run)
    low, high, measured = _time_left(run, steps, now)
    machines = list(machine_states(run, steps).values())
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
        unforeseen=sum(step.state == State.UNFORESEEN for step in steps),
        measured=measured,
        silent=_silent(run, now),
        over=sum(State(step.state).over and step.state != State.SKIPPED for step in steps),
        steps=len(steps),
        now=list(dict.fromkeys(step.title or step.step for step in steps if step.state == State.RUNNING)),
    )


def _elapsed(run: Run, now: datetime) -> float:
    if run.started_at is None:
        return 0.0
    return max(0.0, ((run.finished_at or now) - run.started_at).total_seconds())


def _silent(run: Run, now: datetime) -> float | None:
    if not run.active or run.lease_until is None:
        return None
    overdue = (now - run.lease_until).total_seconds()
    return overdue if overdue > OVERDUE_SECONDS else None


def _percent(run: Run, steps: list[StepRun], now: datetime) -> int:
    """Expected seconds behind us of all expected seconds; 100 only for a run that succeeded.

    What was not done does not count: neither the step that failed nor those that never began because of it.
    """
    if run.state == Run.State.SUCCEEDED:
        return 100
    before = so_before(run)
    looks = run.is_preview
    weights = [_weight(step, before, looks=looks) for step in steps]
    total = sum(weights)
    shares = (_share(step, now, active=run.active, looks=looks) for step in steps)
    done = sum(weight * share for weight, share in zip(weights, shares, strict=True))
    return min(99, int(100 * done / total)) if total else 0


def _share(step: StepRun, now: datetime, *, active: bool, looks: bool) -> float:
    """How much of a step is behind us."""
    state = State(step.state)
    if state.good and state is not State.SKIPPED:
        return 1.0
    if state is State.SKIPPED:
        return 1.0 if active else 0.0
    if state is State.RUNNING and active and step.started_at:
        return max(0.0, min(MOST_OF_RUNNING, (now - step.started_at).total_seconds() / _expected(step, looks)))
    return 0.0


def _time_left(run: Run, steps: list[StepRun], now: datetime) -> tuple[float | None, float | None, bool]:
    """Along the longest chain of steps that wait for each other; where nobody knows who waits, machine by machine."""
    if not run.active or not steps:
        return None, None, False
    before = so_before(run)
    left = {(step.step, step.host): _left(step, now, before, looks=run.is_preview) for step in steps}
    if run.plan:
        longest = max(graph_of(run, steps).finishes(lambda node: left[node]).values(), default=0.0)
    else:
        longest = max(_by_machine(left).values(), default=0.0)
    known = sum(left[(step.step, step.host)] for step in steps if step.measured)
    measured = known > sum(left.values()) / 2 and not run.is_preview
    low, high = (SHORTER, LONGER) if measured else (GUESSED_SHORTER, GUESSED_LONGER)
    return longest * low, longest * high, measured


def _left(step: StepRun, now: datetime, before: frozenset[Node], *, looks: bool) -> float:
    """What is so already costs a look; one that runs for longer than that is not so, and takes its usual time."""
    if State(step.state).over:
        return 0.0
    if step.state == State.WAITING:
        return _weight(step, before, looks=looks)
    return _expected(step, looks) * (1 - _share(step, now, active=True, looks=looks))


def _weight(step: StepRun, before: frozenset[Node], *, looks: bool) -> float:
    """How much a step counts in the whole. It never changes during a run, or the bar would go back."""
    expected = _expected(step, looks)
    return min(expected, LOOK_SECONDS) if (step.step, step.host) in before else expected


def _by_machine(left: dict[tuple[str, str], float]) -> dict[str, float]:
    sums: dict[str, float] = defaultdict(float)
    for (_step, host), seconds in left.items():
        sums[host] += seconds
    return sums


def _expected(step: StepRun, looks: bool) -> float:
    """What it should take; a preview `looks` only, however long an installation takes."""
    expected = step.expected or UNKNOWN_SECONDS
    return min(expected, LOOK_SECONDS) if looks else expected


def machine_states(run: Run, steps: Iterable[StepRun]) -> dict[str, str]:
    """What can be said of each machine: failed, waiting while something is to be done, else ok.

    What was left out because the run ended early is still to be done.
    """
    early = run.state in (Run.State.FAILED, Run.State.CANCELLED)
    states: dict[str, set[State]] = defaultdict(set)
    for step in steps:
        if step.host:
            states[step.host].add(State(step.state))
    found = {}
    for host, seen in states.items():
        if State.FAILED in seen:
            found[host] = "failed"
        elif all(state.good and not (early and state is State.SKIPPED) for state in seen):
            found[host] = "ok"
        else:
            found[host] = "waiting"
    return found
