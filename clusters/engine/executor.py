"""The executor: walks a plan on many machines at once, continues where it can, and reports what it observed."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from clusters.engine.check import PRECHECK
from clusters.engine.cluster import Cluster
from clusters.engine.deadline import nothing_granted
from clusters.engine.events import Failed, Output, PlanMade, State
from clusters.engine.identity import UNKNOWN, Identity
from clusters.engine.node import CHECK_TIMEOUT, NodeResult, run_node
from clusters.engine.plan import EVERYWHERE
from clusters.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from clusters.config.schema import Document
    from clusters.config.schema import Host as HostSpec
    from clusters.engine.deadline import Granted
    from clusters.engine.events import Sink
    from clusters.engine.plan import Node, Plan, PlannedStep
    from clusters.engine.source import Source
    from clusters.remote.host import Cancel, Host

STEPS_AT_ONCE = 64
"""Steps that run at the same time on all machines together."""

STEPS_PER_MACHINE = 3
"""Steps at the same time on one machine: enough to load images while etcd starts, far below sshd's ten sessions."""

LOOK_EVERY = 0.5
"""Seconds between checks for a cancel while no step ends."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a plan ended: `state` is succeeded, failed or cancelled; counts are of wanted states. `unforeseen` is the
    number of steps on machines that a dry run could not predict."""

    state: str
    failures: tuple[Failed, ...] = ()
    same: int = 0
    changed: int = 0
    seconds: float = 0.0
    unforeseen: int = 0


class _Walk:
    """The state of a walk: which nodes wait for which, which run, and how each ended."""

    def __init__(self, plan: Plan) -> None:
        self.waiting = {node for node in plan.needs if node[1] != EVERYWHERE}
        self.results: dict[Node, NodeResult] = {}
        self.running: dict[Future[NodeResult], Node] = {}
        self.ended: SimpleQueue[Future[NodeResult]] = SimpleQueue()
        self.urgency = plan.seconds_to_go()
        self._busy: Counter[str] = Counter()
        # How many good ends each node waits for, and which nodes wait for it.
        self._needs = {node: len(needs) for node, needs in plan.needs.items()}
        self._dependents: dict[Node, list[Node]] = {node: [] for node in plan.needs}
        for node, needs in plan.needs.items():
            for need in needs:
                self._dependents[need].append(node)
        # For each machine what can start, most urgent first; the machines where that changed; and what is next on all
        # machines together.
        self._ready: dict[str, list[tuple[float, int, Node]]] = {}
        self._next: list[tuple[float, int, Node]] = []
        self._places = {node: place for place, node in enumerate(plan.needs)}
        self._touched: set[str] = set()
        for node, count in self._needs.items():
            if not count:
                self._make_ready(node)

    def startable(self) -> list[Node]:
        """The nodes that can start now, as far as there is room; those with the longest work behind them come first.

        Each returned node occupies a place on its machine until it is skipped or has ended.
        """
        for host in self._touched:
            heap = self._ready.get(host, [])
            while heap and self._busy[host] < STEPS_PER_MACHINE:
                heapq.heappush(self._next, heapq.heappop(heap))
                self._busy[host] += 1
        self._touched.clear()
        room = STEPS_AT_ONCE - len(self.running)
        return [heapq.heappop(self._next)[2] for _ in range(min(room, len(self._next)))]

    @property
    def has_more(self) -> bool:
        """Whether `startable` would return something although nothing ends."""
        return bool(self._next) or any(self._ready.get(host) for host in self._touched)

    def skip(self, node: Node) -> None:
        """Leave out a node in this run."""
        self._busy[node[1]] -= 1
        self._touched.add(node[1])

    def start(self, node: Node, future: Future[NodeResult]) -> None:
        """Note that a node has started."""
        self.waiting.discard(node)
        self.running[future] = node
        future.add_done_callback(self.ended.put)

    def wait(self, seconds: float) -> list[NodeResult]:
        """Wait at most this long for nodes to end; returns their results, and those that waited for them may start."""
        with suppress(Empty):
            results = [self._finish(self.ended.get(timeout=seconds))]
            while not self.ended.empty():
                results.append(self._finish(self.ended.get()))
            return results
        return []

    def _finish(self, future: Future[NodeResult]) -> NodeResult:
        """Note that a node has ended; after a good end, those that waited for it may start."""
        node = self.running.pop(future)
        self._busy[node[1]] -= 1
        self._touched.add(node[1])
        result = future.result()
        self.results[node] = result
        if result.state.good or node[0].startswith(f"{PRECHECK}/"):
            # No step starts after a precheck that failed; other prechecks do.
            self._release(node)
        return result

    def _release(self, node: Node) -> None:
        """The nodes that wait for this one have one fewer to wait for."""
        for waiting in self._dependents[node]:
            self._needs[waiting] -= 1
            if not self._needs[waiting]:
                self._make_ready(waiting)

    def _make_ready(self, node: Node) -> None:
        if node[1] == EVERYWHERE:
            self._release(node)
            return
        heapq.heappush(self._ready.setdefault(node[1], []), (-self.urgency[node], self._places[node], node))
        self._touched.add(node[1])


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
    granted: Granted = nothing_granted,
    answers: Mapping[str, Any] | None = None,
    identity: Identity = UNKNOWN,
) -> Outcome:
    """Execute a plan and return how it ended; errors of machines are part of the outcome, not exceptions.

    After a failure no new step starts (except prechecks: the results of all are useful), and running steps may finish.
    A cancel reaches running commands, but a step marked `uncut` ends first. `granted` returns how much longer a step
    may take on a machine; it is called while the step runs.
    """
    began = time.monotonic()
    cluster = Cluster(
        document,
        open_host=open_host,
        source=source,
        sink=sink,
        cancel=cancel,
        leaders=plan.leaders,
        granted=granted,
        answers=answers,
        identity=identity,
    )
    sink.emit(PlanMade(steps=[describe_step(step, document) for step in plan.steps]))
    walk = _Walk(plan)
    with closing(cluster), ThreadPoolExecutor(STEPS_AT_ONCE, thread_name_prefix="step") as pool:
        _walk_plan(walk, plan, cluster, pool, cancel, frozenset(waivers), dry_run)
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
    stopped = noted = False
    while walk.waiting or walk.running:
        for node in walk.startable():
            row = rows[node[0]]
            if cancel.is_requested or (stopped and row.check is None):
                walk.skip(node)
                continue
            machine, urgency = cluster.machine(node[1]), walk.urgency[node]
            future = pool.submit(run_node, row, machine, cluster, cancel, waivers, dry_run, urgency)
            walk.start(node, future)
        if not walk.running:
            if walk.has_more:
                continue
            if walk.waiting and not stopped and not cancel.is_requested:
                raise PlanError(f"Nothing can start, yet {len(walk.waiting)} steps wait. This is a bug in Slipway.")
            return
        # All ended nodes count before anything else starts.
        ended = walk.wait(LOOK_EVERY)
        stopped = stopped or not all(result.state.good for result in ended)
        if cancel.is_requested and not noted:
            noted = True
            _note_uncut(walk, rows, cluster, cancel)


def _note_uncut(walk: _Walk, rows: dict[str, PlannedStep], cluster: Cluster, cancel: Cancel) -> None:
    """Explain in the log why a step, or a part of one, outlives the cancel."""
    for path, host in walk.running.values():
        step = rows[path].step
        if step is not None and step.uncut:
            text = f"This step can't be interrupted safely; it will finish first on {host}."
            cluster.emit(Output(host=host, step=path, stream="note", text=text))
    for host, path, what in sorted(cancel.outliving):
        text = f"{what[:1].upper()}{what[1:]} can't be interrupted safely; it will finish first."
        cluster.emit(Output(host=host, step=path, stream="note", text=text))


def _outcome(walk: _Walk, cancel: Cancel, seconds: float) -> Outcome:
    """A cancel that came too late does not override success; failures are reported even when cancelled."""
    failures = tuple(result.failure for result in walk.results.values() if result.failure is not None)
    same = sum(result.same for result in walk.results.values())
    changed = sum(result.changed for result in walk.results.values())
    everything = not walk.waiting and all(result.state.good for result in walk.results.values())
    state = "succeeded" if everything else "cancelled" if cancel.is_requested and not failures else "failed"
    unforeseen = sum(result.state is State.UNFORESEEN for result in walk.results.values())
    return Outcome(state, failures, same, changed, seconds, unforeseen)


def describe_step(step: PlannedStep, document: Document) -> dict[str, object]:
    """A step of a plan as its events describe it."""
    return {
        "path": step.path,
        "title": step.title,
        "phase": step.phase,
        "hosts": list(step.hosts),
        "expected": step.expected_seconds,
        "timeout": step.step.timeout if step.step else CHECK_TIMEOUT,
        "needs": list(step.step.needs) if step.step else [],
        "needs_all": list(step.step.needs_all) if step.step else [],
        "serial": bool(step.step and step.step.is_serial(document)),
        "gate": step.check is not None,
        "uncut": bool(step.step and step.step.uncut),
    }
