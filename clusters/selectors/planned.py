"""The plan of a run as a table: what each step waits for, where it runs, its expected and actual duration."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.selectors.progress import steps_of

if TYPE_CHECKING:
    from clusters.models import Run, StepRun


@dataclass(frozen=True, slots=True)
class Planned:
    """One step. `needs` are titles of steps on the same machine, `needs_all` of steps on every machine.

    `expected` is in seconds for one machine; `took` is the median of the machines that are done, None before.
    """

    step: str
    title: str
    phase: str
    hosts: list[str]
    needs: list[str]
    needs_all: list[str]
    serial: bool
    gate: bool
    expected: float
    measured: bool
    took: float | None
    same: int
    changed: int


def run_plan(run: Run) -> list[Planned]:
    """Every step in reading order."""
    by_step: dict[str, list[StepRun]] = defaultdict(list)
    for step in steps_of(run):
        by_step[step.step].append(step)
    rows = {row["path"]: row for row in run.plan}
    titles = {path: mine[0].title or path for path, mine in by_step.items()}
    return [_plan_row(path, mine, rows.get(path, {}), titles) for path, mine in by_step.items()]


def _plan_row(path: str, mine: list[StepRun], row: dict[str, object], titles: dict[str, str]) -> Planned:
    done = [step.seconds for step in mine if step.state in ("same", "changed", "warning")]

    def titles_of(key: str) -> list[str]:
        needs = row.get(key)
        return [titles[need] for need in needs if need in titles] if isinstance(needs, list) else []

    return Planned(
        step=path,
        title=titles[path],
        phase=mine[0].phase,
        hosts=[step.host for step in mine],
        needs=titles_of("needs"),
        needs_all=titles_of("needs_all"),
        serial=bool(row.get("serial")),
        gate=bool(row.get("gate")),
        expected=mine[0].expected,
        measured=mine[0].measured,
        took=statistics.median(done) if done else None,
        same=sum(step.same for step in mine),
        changed=sum(step.changed for step in mine),
    )
