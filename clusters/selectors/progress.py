"""The state of a run: percent, time left, machines."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from clusters.engine.events import State
from clusters.models import Run, StepRun
from clusters.selectors.critical_path import Graph
from clusters.selectors.earlier_results import LOOK_SECONDS, done_before

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from clusters.selectors.critical_path import Node

# Expected seconds of a step that was neither measured nor estimated.
UNKNOWN_SECONDS = 5.0
# The most that a running step counts, however long it takes.
MOST_OF_RUNNING = 0.95
# Measured steps vary by about this much between runs; the range on the page is as wide.
SHORTER, LONGER = 0.8, 1.5
# Shipped estimates come from other machines and may be less accurate.
GUESSED_SHORTER, GUESSED_LONGER = 0.6, 2.0
# Runs whose steps are cached: watchers request the same ones again and again.
RUNS_CACHED = 4
# Seconds that a lease may be overdue before the page shows it: a worker may be about to claim the run.
OVERDUE_SECONDS = 5.0

_cache: dict[tuple[Any, ...], list[StepRun]] = {}


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run at a glance. Times are in seconds; `eta_low` and `eta_high` are the time left, None when unknown.

    `measured`: most of the time left comes from earlier runs rather than from shipped estimates.
    `silent` is how long the worker's heartbeat is overdue, None when it is not.
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
    """The steps of a run in reading order. They change only with an event, so they are cached by the newest event."""
    key = (run.pk, run.created_at, run.last_seq, run.state)
    if run.last_seq and (found := _cache.get(key)) is not None:
        return found
    rows = list(StepRun.objects.filter(run_id=run.pk).order_by("position", "pk"))
    _cache[key] = rows
    while len(_cache) > RUNS_CACHED:
        _cache.pop(next(iter(_cache)), None)
    return rows


def graph_of(run: Run, steps: Iterable[StepRun]) -> Graph:
    """The dependencies between the steps."""
    hosts: dict[str, list[str]] = defaultdict(list)
    for step in steps:
        hosts[step.step].append(step.host)
    return Graph(run.plan, hosts)


def run_summary(run: Run) -> RunSummary:
    """The current state of the run."""
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
    """The share of expected seconds that is done; 100 only for a run that succeeded.

    Steps that were not done do not count: neither the failed one nor those that never started because of it.
    """
    if run.state == Run.State.SUCCEEDED:
        return 100
    before = done_before(run)
    looks = run.is_preview
    weights = [_weight(step, before, looks=looks) for step in steps]
    total = sum(weights)
    shares = (_share(step, now, active=run.active, looks=looks) for step in steps)
    done = sum(weight * share for weight, share in zip(weights, shares, strict=True))
    return min(99, int(100 * done / total)) if total else 0


def _share(step: StepRun, now: datetime, *, active: bool, looks: bool) -> float:
    """The share of a step that is done."""
    state = State(step.state)
    if state.good and state is not State.SKIPPED:
        return 1.0
    if state is State.SKIPPED:
        return 1.0 if active else 0.0
    if state is State.RUNNING and active and step.started_at:
        return max(0.0, min(MOST_OF_RUNNING, (now - step.started_at).total_seconds() / _expected(step, looks)))
    return 0.0


def _time_left(run: Run, steps: list[StepRun], now: datetime) -> tuple[float | None, float | None, bool]:
    """Along the longest chain of steps that wait for each other; without known dependencies, machine by machine."""
    if not run.active or not steps:
        return None, None, False
    before = done_before(run)
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
    """A step that was done before costs a check; one that runs for longer has work to do and takes its usual time."""
    if State(step.state).over:
        return 0.0
    if step.state == State.WAITING:
        return _weight(step, before, looks=looks)
    return _expected(step, looks) * (1 - _share(step, now, active=True, looks=looks))


def _weight(step: StepRun, before: frozenset[Node], *, looks: bool) -> float:
    """The weight of a step in the run. It never changes during a run, or the progress bar would move back."""
    expected = _expected(step, looks)
    return min(expected, LOOK_SECONDS) if (step.step, step.host) in before else expected


def _by_machine(left: dict[tuple[str, str], float]) -> dict[str, float]:
    sums: dict[str, float] = defaultdict(float)
    for (_step, host), seconds in left.items():
        sums[host] += seconds
    return sums


def _expected(step: StepRun, looks: bool) -> float:
    """Its expected duration; a preview only `looks`, however long an installation takes."""
    expected = step.expected or UNKNOWN_SECONDS
    return min(expected, LOOK_SECONDS) if looks else expected


def machine_states(run: Run, steps: Iterable[StepRun]) -> dict[str, str]:
    """The state of each machine: failed, waiting while there is work to do, else ok.

    Steps skipped because the run ended early still have to be done.
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
