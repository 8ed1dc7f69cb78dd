"""The executor: walks a plan with a worker per machine, keeps going where it can, and says what it saw."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clusters.engine.cluster import Cluster
from clusters.engine.events import Failed, PlanMade
from clusters.engine.node import NodeResult, carry_out
from clusters.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from clusters.config.schema import Document
    from clusters.config.schema import Host as HostSpec
    from clusters.engine.events import Sink
    from clusters.engine.plan import Node, Plan, PlannedStep
    from clusters.engine.source import Source
    from clusters.remote.host import Cancel, Host

STEPS_AT_ONCE = 64
"""How many steps run at the same time on all machines together."""

STEPS_PER_MACHINE = 3
"""How many of them on one machine: enough to load images while etcd starts, and far below sshd's ten sessions."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended: `state` is succeeded, failed or cancelled; counts are of wanted states."""

    state: str
    failures: tuple[Failed, ...] = ()
    same: int = 0
    changed: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class _Walk:
    """What is known while walking: who still waits for whom, who is busy, what ended how."""

    waiting: dict[Node, set[Node]]
    urgency: dict[Node, float]
    busy: Counter[str] = field(default_factory=Counter)
    results: dict[Node, NodeResult] = field(default_factory=dict)
    running: dict[Future[NodeResult], Node] = field(default_factory=dict)

    def ready(self) -> list[Node]:
        """What can start now, on machines that are free for it: what the most is waiting for comes first."""
        chosen: list[Node] = []
        taken = Counter(self.busy)
        free = [node for node, needs in self.waiting.items() if not needs]
        for node in sorted(free, key=lambda node: -self.urgency[node]):
            if taken[node[1]] < STEPS_PER_MACHINE:
                taken[node[1]] += 1
                chosen.append(node)
        return chosen

    def start(self, node: Node, future: Future[NodeResult]) -> None:
        """A node has begun."""
        del self.waiting[node]
        self.busy[node[1]] += 1
        self.running[future] = node

    def finish(self, future: Future[NodeResult]) -> NodeResult:
        """A node has ended; those that waited only for good ends may go on."""
        node = self.running.pop(future)
        self.busy[node[1]] -= 1
        result = future.result()
        self.results[node] = result
        if result.state.good:
            for needs in self.waiting.values():
                needs.discard(node)
        return result


def execute_plan(
    plan: Plan,
    *,
    document: Document,
    open_host: Callable[[HostSpec], Host],
    source: Source,
    sink: Sink,
    cancel: Cancel,
    waivers: Collection[str] = (),
    dry_run: bool = False,
) -> Outcome:
    """Carry out a plan and return how it ended; errors of machines end up in the outcome, not as exceptions.

    After a failure no new step starts (prechecks excepted: all of them are worth knowing), and what
    runs may finish. A cancel reaches running commands, but a step marked `uncut` ends first.
    """
    began = time.monotonic()
    cluster = Cluster(document, open_host=open_host, source=source, sink=sink, cancel=cancel)
    sink.emit(PlanMade(steps=[_row(step) for step in plan.steps]))
    walk = _Walk({node: set(needs) for node, needs in plan.needs.items()}, plan.seconds_to_go())
    try:
        with ThreadPoolExecutor(STEPS_AT_ONCE, thread_name_prefix="step") as pool:
            _walk_plan(walk, plan, cluster, pool, cancel, frozenset(waivers), dry_run)
    finally:
        cluster.close()
    return _outcome(walk, cancel, time.monotonic() - began)


def _walk_plan(
    walk: _Walk,
    plan: Plan,
    cluster: Cluster,
    pool: ThreadPoolExecutor,
    cancel: Cancel,
    waivers: frozenset[str],
    dry_run: bool,
) -> None:
    rows = {row.path: row for row in plan.steps}
    stopped = False
    while walk.waiting or walk.running:
        for node in walk.ready():
            row = rows[node[0]]
            if cancel.asked or (stopped and row.check is None):
                continue
            machine, urgency = cluster.machine(node[1]), walk.urgency[node]
            future = pool.submit(carry_out, row, machine, cluster, cancel, waivers, dry_run, urgency)
            walk.start(node, future)
        if not walk.running:
            if walk.waiting and not stopped and not cancel.asked:
                raise PlanError(f"Nothing can start, yet {len(walk.waiting)} steps wait. This is a mistake in Slipway.")
            return
        done, _ = wait(walk.running, return_when=FIRST_COMPLETED)
        for future in done:
            stopped = not walk.finish(future).state.good or stopped


def _outcome(walk: _Walk, cancel: Cancel, seconds: float) -> Outcome:
    """Success is never overridden by a cancel that came too late; a failure is told even when cancelled."""
    failures = tuple(result.failure for result in walk.results.values() if result.failure is not None)
    same = sum(result.same for result in walk.results.values())
    changed = sum(result.changed for result in walk.results.values())
    everything = not walk.waiting and all(result.state.good for result in walk.results.values())
    state = "succeeded" if everything else "cancelled" if cancel.asked and not failures else "failed"
    return Outcome(state, failures, same, changed, seconds)


def _row(step: PlannedStep) -> dict[str, object]:
    return {
        "path": step.path,
        "title": step.title,
        "phase": step.phase,
        "hosts": list(step.hosts),
        "expected": step.expected_seconds,
        "needs": list(step.step.needs) if step.step else [],
        "needs_all": list(step.step.needs_all) if step.step else [],
        "serial": bool(step.step and step.step.serial),
        "gate": step.check is not None,
    }
