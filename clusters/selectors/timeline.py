"""The timeline of a run: when each step ran on which machine, its dependencies, and the critical path."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import ngettext

from clusters.engine.check import PRECHECK
from clusters.engine.events import State
from clusters.selectors.grid import WORST_FIRST
from clusters.selectors.progress import graph_of, machine_states, steps_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from clusters.models import Run, StepRun
    from clusters.selectors.critical_path import Node

# Machines that are drawn; if there are more, those on the critical path, failed ones, and some of the others.
MOST_LANES = 24
# Seconds by which one bar may overlap the next: starts and durations come from different clocks.
SLACK = 0.05


@dataclass(frozen=True, slots=True)
class Bar:
    """One step on one machine, in seconds since the run started. `row` separates bars that ran at the same time.

    `waited_for` is the last of its needs to end, as (title, machine); None when it could start at once.
    All prechecks of a machine are one bar: `count` is their number, `slowest` the slowest one and its duration.
    """

    step: str
    title: str
    host: str
    state: str
    start: float
    end: float
    row: int
    critical: bool
    waited_for: tuple[str, str] | None
    count: int = 1
    slowest: tuple[str, float] | None = None

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Lane:
    """One machine; `rows` is the highest number of bars at the same time."""

    host: str
    bars: list[Bar]
    rows: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """`chain` are the bars of the critical path, first to last; `left_out` counts machines not drawn."""

    seconds: float = 0.0
    lanes: list[Lane] = field(default_factory=list)
    chain: list[Bar] = field(default_factory=list)
    left_out: int = 0

    @property
    def critical_seconds(self) -> float:
        """The total duration of the chain's steps; the rest of the run was spent between them."""
        return sum(bar.seconds for bar in self.chain)


def run_timeline(run: Run) -> Timeline:
    """The timeline so far; empty for a run that has not started."""
    now = timezone.now()
    began = run.started_at
    steps = [step for step in steps_of(run) if step.started_at is not None]
    if began is None or not steps:
        return Timeline()
    spans = {(step.step, step.host): _span(step, began, now) for step in steps}
    graph = graph_of(run, steps)
    ended = {node: span[1] for node, span in spans.items()}
    reasons, chain = graph.reasons(ended), graph.critical(ended)
    titles = {step.step: step.title or step.step for step in steps}
    made: dict[Node, Bar] = {}
    by_host: dict[str, list[StepRun]] = defaultdict(list)
    for step in steps:
        node = (step.step, step.host)
        reason = reasons.get(node)
        waited = (titles[reason[0]], reason[1]) if reason else None
        made[node] = Bar(*node[:1], titles[node[0]], step.host, step.state, *spans[node], 0, node in chain, waited)
        by_host[step.host].append(step)
    lanes = {host: _lane(host, [made[(step.step, host)] for step in mine]) for host, mine in by_host.items()}
    seconds = max([end for _, end in spans.values()] + [1.0])
    order = list(dict.fromkeys(step.host for step in steps_of(run)))
    drawn = _hosts_to_draw(run, steps, [host for host in order if host in lanes], {host for _, host in chain})
    return Timeline(seconds, [lanes[host] for host in drawn], [made[node] for node in chain], len(lanes) - len(drawn))


def _lane(host: str, bars: list[Bar]) -> Lane:
    """The bars of a machine, its prechecks as one, in as few rows as possible without overlaps."""
    checks = [bar for bar in bars if bar.step.startswith(f"{PRECHECK}/")]
    if len(checks) > 1:
        bars = [_precheck_bar(host, checks), *(bar for bar in bars if bar not in checks)]
    rows: list[float] = []
    placed = []
    for bar in sorted(bars, key=lambda bar: (bar.start, bar.end)):
        row = next((place for place, until in enumerate(rows) if until <= bar.start + SLACK), len(rows))
        rows[row : row + 1] = [bar.end]
        placed.append(replace(bar, row=row))
    return Lane(host, placed, max(1, len(rows)))


def _precheck_bar(host: str, checks: list[Bar]) -> Bar:
    slowest = max(checks, key=lambda bar: bar.seconds)
    state = next((state for state in WORST_FIRST if any(bar.state == state for bar in checks)), slowest.state)
    return Bar(
        step=PRECHECK,
        title=ngettext("%(count)s precheck", "%(count)s prechecks", len(checks)) % {"count": len(checks)},
        host=host,
        state=state,
        start=min(bar.start for bar in checks),
        end=max(bar.end for bar in checks),
        row=0,
        critical=any(bar.critical for bar in checks),
        waited_for=None,
        count=len(checks),
        slowest=(slowest.title, slowest.seconds),
    )


def _span(step: StepRun, began: datetime, now: datetime) -> tuple[float, float]:
    """Start and end. Durations come from a monotonic clock; starts do not, so they are limited to 0 or more."""
    start = max(0.0, (step.started_at - began).total_seconds()) if step.started_at else 0.0
    if step.state == State.RUNNING:
        return start, max(start, (now - began).total_seconds())
    return start, start + step.seconds


def _hosts_to_draw(run: Run, steps: Iterable[StepRun], hosts: list[str], decisive: set[str]) -> list[str]:
    if len(hosts) <= MOST_LANES:
        return hosts
    states = machine_states(run, steps)
    first = [host for host in hosts if host in decisive or states.get(host) == "failed"][:MOST_LANES]
    rest = [host for host in hosts if host not in first][: MOST_LANES - len(first)]
    return [host for host in hosts if host in {*first, *rest}]
