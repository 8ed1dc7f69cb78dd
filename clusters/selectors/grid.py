"""The grid of a run: steps by phase, machines as columns, and large numbers of machines as groups that open."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from clusters.config.topology import all_roles
from clusters.engine.events import State
from clusters.errors import InstallerError
from clusters.runs.documents import read_document
from clusters.selectors.progress import machine_states, steps_of
from clusters.selectors.slow_steps import late_after

if TYPE_CHECKING:
    from datetime import datetime

    from clusters.models import Run, StepRun

# Up to this many machines have a column each; more are shown in groups.
MOST_COLUMNS = 12
# Machines in one opened part of a large group.
PART = 25
# Runs whose machine roles are cached: the document of a run never changes.
RUNS_CACHED = 16
# The state of a group's cell: the worst state of one of its machines.
WORST_FIRST = ("failed", "running", "cancelled", "waiting", "warning", "unforeseen", "would", "changed", "same",
               "skipped")  # fmt: skip

_roles: dict[tuple[int, Any], dict[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Column:
    """One machine, or (`count` > 1) a group of machines. `key` opens the group; `state` is the worst in it."""

    key: str
    title: str
    state: str
    count: int = 1
    opened: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One step on one machine, or on a group: then `counts` has the number of machines in each state.

    `seconds` of a running step count up to now; for a group they are the median. `host` is empty for groups.
    """

    host: str
    state: str
    seconds: float
    message: str
    started_at: datetime | None = None
    expected: float = 0.0
    timeout: float = 0.0
    counts: tuple[tuple[str, int], ...] = ()
    slowest: str = ""
    longest: float = 0.0

    @property
    def late(self) -> bool:
        """Whether it has been running for much longer than usual: worth checking, but not a failure."""
        after = late_after(self.expected, self.timeout)
        return self.state == State.RUNNING and after is not None and self.seconds > after


@dataclass(frozen=True, slots=True)
class Row:
    """One step; `cells` are in the order of the grid's columns, None where the step does not run."""

    step: str
    title: str
    cells: list[Cell | None]


@dataclass(frozen=True, slots=True)
class Phase:
    """Steps that belong together: how many of their cells have ended, and the worst state among them."""

    name: str
    rows: list[Row]
    state: str
    over: int
    total: int


@dataclass(frozen=True, slots=True)
class Grid:
    """Columns and phases; failed machines come first, then those of the plan in its order."""

    columns: list[Column] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    opened: str = ""


def run_grid(run: Run, opened: str = "") -> Grid:
    """Every step on every machine. `opened` is the key of the group whose machines are shown individually."""
    now = timezone.now()
    steps = steps_of(run)
    states = machine_states(run, steps)
    hosts = list(dict.fromkeys(step.host for step in steps))
    hosts.sort(key=lambda host: states.get(host) != "failed")
    columns = _columns(run, hosts, states, opened)
    by_step: dict[str, dict[str, StepRun]] = defaultdict(dict)
    phases: dict[str, list[str]] = {}
    for step in steps:
        by_step[step.step][step.host] = step
        paths = phases.setdefault(step.phase, [])
        if step.step not in paths:
            paths.append(step.step)
    made = []
    for name, paths in phases.items():
        rows = [_row(path, by_step[path], columns, now) for path in paths]
        cells = [State(step.state) for path in paths for step in by_step[path].values()]
        over = sum(state.over and state is not State.SKIPPED for state in cells)
        made.append(Phase(name, rows, worst(Counter(map(str, cells))), over, len(cells)))
    return Grid([column for column, _ in columns], made, hosts, opened)


def worst(counts: Counter[str]) -> str:
    """The state that is shown for a group."""
    if counts["waiting"] and any(counts[state] for state in ("same", "changed", "warning")) and not counts["failed"]:
        return "running" if counts["running"] else "waiting"
    return next((state for state in WORST_FIRST if counts[state]), "waiting")


def _columns(run: Run, hosts: list[str], states: dict[str, str], opened: str) -> list[tuple[Column, list[str]]]:
    """Each column with its machines."""
    if len(hosts) <= MOST_COLUMNS:
        return [_host_column(host, states) for host in hosts]
    failed = [host for host in hosts if states.get(host) == "failed"][:MOST_COLUMNS]
    columns = [_host_column(host, states) for host in failed]
    groups: dict[str, list[str]] = defaultdict(list)
    held = _roles_of(run)
    for host in hosts:
        if host not in failed:
            groups[held.get(host, "")].append(host)
    for name, members in groups.items():
        columns += _group(name or "slipway", members, states, opened)
    return columns


def _group(name: str, members: list[str], states: dict[str, str], opened: str) -> list[tuple[Column, list[str]]]:
    if len(members) <= 2:
        return [_host_column(host, states) for host in members]
    group, _, part = opened.partition("/")
    if group != name:
        return [(_group_column(name, name, members, states), members)]
    if len(members) <= PART:
        return [_host_column(host, states) for host in members]
    columns = []
    for place in range(0, len(members), PART):
        some = members[place : place + PART]
        key = f"{name}/{place // PART + 1}"
        if part == str(place // PART + 1):
            columns += [_host_column(host, states) for host in some]
        else:
            columns.append((_group_column(key, f"{some[0]} … {some[-1]}", some, states), some))
    return columns


def _host_column(host: str, states: dict[str, str]) -> tuple[Column, list[str]]:
    return Column(host, host, states.get(host, "waiting")), [host]


def _group_column(key: str, title: str, members: list[str], states: dict[str, str]) -> Column:
    counts = Counter(states.get(host, "waiting") for host in members)
    state = next((state for state in ("failed", "waiting", "ok") if counts[state]), "waiting")
    return Column(key, title, state, len(members))


def _row(path: str, found: dict[str, StepRun], columns: list[tuple[Column, list[str]]], now: datetime) -> Row:
    title = next(iter(found.values())).title
    cells: list[Cell | None] = []
    for column, hosts in columns:
        here = [found[host] for host in hosts if host in found]
        if not here:
            cells.append(None)
        elif column.count == 1:
            cells.append(_cell(here[0], now))
        else:
            cells.append(_group_cell(here, now))
    return Row(path, title, cells)


def _cell(step: StepRun, now: datetime) -> Cell:
    seconds = _seconds(step, now)
    return Cell(step.host, step.state, seconds, step.message, step.started_at, step.expected, step.timeout)


def _group_cell(steps: list[StepRun], now: datetime) -> Cell:
    counts = Counter(step.state for step in steps)
    timed = [(_seconds(step, now), step.host) for step in steps if step.state not in ("waiting", "skipped")]
    longest, slowest = max(timed, default=(0.0, ""))
    return Cell(
        "",
        worst(counts),
        statistics.median(seconds for seconds, _ in timed) if timed else 0.0,
        "",
        expected=steps[0].expected,
        counts=tuple((state, counts[state]) for state in WORST_FIRST if counts[state]),
        slowest=slowest,
        longest=longest,
    )


def _seconds(step: StepRun, now: datetime) -> float:
    if step.state == State.RUNNING and step.started_at:
        return max(0.0, (now - step.started_at).total_seconds())
    return step.seconds


def _roles_of(run: Run) -> dict[str, str]:
    """The names of each machine's role groups; empty when the document can no longer be read."""
    key = (run.pk, run.created_at)
    if key not in _roles:
        try:
            document = read_document(run.document)
        except InstallerError:
            return {}
        held = all_roles(document).items()
        _roles[key] = {
            host: "+".join("control-plane" if role == "master" else role for role in groups) for host, groups in held
        }
        while len(_roles) > RUNS_CACHED:
            _roles.pop(next(iter(_roles)), None)
    return _roles[key]
