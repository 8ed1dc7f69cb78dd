"""The plan: a graph of (step, machine) made from a document and a recipe, and what each node waits for."""

from __future__ import annotations

import graphlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from clusters.engine.check import CHECKS, FIRST, PRECHECK, Checks, Precheck
from clusters.engine.recipe import DEFAULT, recipe_called
from clusters.engine.step import STEPS, Register, Step, machines_for
from clusters.errors import PlanError
from clusters.places import command_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from clusters.config.schema import Document
    from clusters.engine.recipe import Recipe

Node = tuple[str, str]
"""A step's path and a machine's name."""

EVERYWHERE = ""
"""In place of a machine's name: the step on all of its machines, which is over when the last of them is. If each
of a thousand machines waited for each of the others, a plan would have millions of edges."""

EXPECTED_CHECK_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One row of the plan: a step or precheck and the machines it runs on."""

    path: str
    title: str
    phase: str
    hosts: tuple[str, ...]
    expected_seconds: float
    step: Step | None = None
    check: Precheck | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """`steps` in reading order; `needs` has for each node the nodes it waits for, including steps or all prechecks
    EVERYWHERE; `leaders` are the machines that represent their role group (role group -> machine) where that is not
    the first listed."""

    recipe: str
    steps: tuple[PlannedStep, ...]
    needs: dict[Node, frozenset[Node]] = field(default_factory=dict)
    leaders: Mapping[str, str] = field(default_factory=dict)

    def step(self, path: str) -> PlannedStep:
        """The row of that path."""
        for row in self.steps:
            if row.path == path:
                return row
        raise PlanError(f"The plan has no step {path!r}.", hint=f"`{command_line('plan FILE')}` prints the steps.")

    @property
    def expected_seconds(self) -> float:
        """The built-in estimate of the critical path."""
        return max(self.seconds_to_go().values(), default=0.0)

    def seconds_to_go(self) -> dict[Node, float]:
        """For each node the estimated seconds from its start to the plan's end, along the nodes that wait for it."""
        cost = {row.path: row.expected_seconds for row in self.steps}
        left = dict.fromkeys(self.needs, 0.0)
        for node in reversed(tuple(graphlib.TopologicalSorter(self.needs).static_order())):
            left[node] += 0.0 if node[1] == EVERYWHERE else cost[node[0]]
            for before in self.needs[node]:
                left[before] = max(left[before], left[node])
        return left


def make_plan(
    document: Document,
    recipe: str = DEFAULT,
    *,
    steps: Register = STEPS,
    checks: Checks = CHECKS,
    only: Iterable[str] = (),
    skip: Iterable[str] = (),
    leaders: Mapping[str, str] | None = None,
    answers: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan of a recipe for a document and the answers to the recipe's questions.

    `only` and `skip` name steps by path or phase; an unknown name raises PlanError.
    `leaders`: see Plan.
    """
    wanted = recipe_called(recipe)
    phases, leaders = tuple(phase.name for phase in wanted.phases), leaders or {}
    rows = [*_check_rows(document, _prechecks_of(wanted, checks), leaders)] if PRECHECK in phases else []
    rows += _step_rows(document, phases, steps, leaders)
    rows = _on_its_machines(rows, wanted, document, answers or {})
    rows = _select(rows, tuple(only), tuple(skip))
    if not rows:
        raise PlanError("The plan is empty: no step applies to any machine.", hint="Do machines have roles?")
    return Plan(recipe, tuple(rows), _graph(rows, document), leaders)


def _prechecks_of(recipe: Recipe, checks: Checks) -> Checks:
    """The prechecks of the recipe; the one that reads machines is always among them."""
    if recipe.prechecks == "all":
        return checks
    unknown = [id for id in recipe.prechecks if id not in checks.checks]
    if unknown:
        raise PlanError(f"The recipe {recipe.name} names a precheck {unknown[0]!r}, which does not exist.")
    wanted = {FIRST, *recipe.prechecks}
    return Checks({id: check for id, check in checks.checks.items() if id in wanted})


def _on_its_machines(
    rows: list[PlannedStep], recipe: Recipe, document: Document, answers: Mapping[str, Any]
) -> list[PlannedStep]:
    """The rows on the machines that take part in the recipe."""
    if recipe.machines is None:
        return rows
    names = set(recipe.machines(document, answers))
    unknown = sorted(names - {host.name for host in document.hosts})
    if unknown:
        raise PlanError(f"{unknown[0]} is not a machine of the document.")
    narrowed = [replace(row, hosts=tuple(host for host in row.hosts if host in names)) for row in rows]
    return [row for row in narrowed if row.hosts]


def _check_rows(document: Document, checks: Checks, leaders: Mapping[str, str]) -> list[PlannedStep]:
    return [
        PlannedStep(
            f"{PRECHECK}/{check.id}",
            check.title,
            PRECHECK,
            machines_for(check.on, document, leaders),
            EXPECTED_CHECK_SECONDS,
            check=check,
        )
        for check in sorted(checks.checks.values(), key=lambda check: (check.id != FIRST, check.id))
        if check.when is None or check.when(document)
    ]


def _step_rows(
    document: Document, phases: tuple[str, ...], register: Register, leaders: Mapping[str, str]
) -> list[PlannedStep]:
    chosen = {
        path: step
        for path, step in register.steps.items()
        if step.phase in phases and (step.when is None or step.when(document))
    }
    rows = []
    for path in _reading_order(chosen, phases):
        step = chosen[path]
        hosts = machines_for(step.on, document, leaders)
        if hosts:
            rows.append(PlannedStep(path, step.title, step.phase, hosts, step.expected, step=step))
    return rows


def _reading_order(chosen: dict[str, Step], phases: tuple[str, ...]) -> list[str]:
    """By phase; within a phase, needed steps first, then by name."""
    order: list[str] = []
    for phase in phases:
        inside = {
            path: {need for need in (*step.needs, *step.needs_all) if need in chosen and chosen[need].phase == phase}
            for path, step in sorted(chosen.items())
            if step.phase == phase
        }
        try:
            sorter = graphlib.TopologicalSorter(inside)
            sorter.prepare()
            while sorter.is_active():
                ready = sorted(sorter.get_ready())
                order.extend(ready)
                sorter.done(*ready)
        except graphlib.CycleError as error:
            raise PlanError(f"Steps need each other in a circle: {' → '.join(error.args[1])}.") from error
    return order


def _select(rows: list[PlannedStep], only: tuple[str, ...], skip: tuple[str, ...]) -> list[PlannedStep]:
    names = {name for row in rows for name in (row.path, row.phase)}
    unknown = [name for name in (*only, *skip) if name not in names]
    if unknown:
        raise PlanError(f"This plan has no step or phase {unknown[0]!r}.", hint=f"Available: {sorted(names)}")
    included = [row for row in rows if not only or row.path in only or row.phase in only]
    return [row for row in included if row.path not in skip and row.phase not in skip]


def _graph(rows: list[PlannedStep], document: Document) -> dict[Node, frozenset[Node]]:
    """What waits for what. The only barrier: nothing changes anywhere before every precheck has passed.

    On each machine the first precheck must be over, passed or not, before the others start.
    """
    first = f"{PRECHECK}/{FIRST}"
    hosts = {row.path: row.hosts for row in rows}
    checks = frozenset((row.path, host) for row in rows if row.check for host in row.hosts)
    # A node that waits for a step waits for the prechecks through it.
    gate = frozenset({(PRECHECK, EVERYWHERE)} if checks else ())
    graph: dict[Node, frozenset[Node]] = {}
    for row in rows:
        before: Node | None = None
        for host in row.hosts:
            needs: set[Node] = set()
            if row.check is not None and row.path != first and host in hosts.get(first, ()):
                needs.add((first, host))
            if row.step is not None:
                needs |= {(need, host) for need in row.step.needs if host in hosts.get(need, ())}
                needs |= {(need, EVERYWHERE) for need in row.step.needs_all if hosts.get(need)}
                if row.step.is_serial(document) and before is not None:
                    needs.add(before)
            before = (row.path, host)
            graph[(row.path, host)] = frozenset(needs) if needs or row.step is None else gate
    for path in sorted({path for needs in graph.values() for path, host in needs if host == EVERYWHERE}):
        graph[(path, EVERYWHERE)] = checks if path == PRECHECK else frozenset((path, host) for host in hosts[path])
    _refuse_circles(graph)
    return graph


def _refuse_circles(graph: dict[Node, frozenset[Node]]) -> None:
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        circle = " → ".join(f"{path} on {host or 'all its machines'}" for path, host in error.args[1])
        raise PlanError(f"Steps wait for each other in a circle: {circle}.") from error
