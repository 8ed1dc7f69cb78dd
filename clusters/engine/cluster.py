"""Cluster: all machines of a run, the document, and what steps need to know about the cluster as a whole."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from clusters.config.topology import endpoint_address, members, roles
from clusters.engine.deadline import nothing_granted
from clusters.engine.events import Delivered, Observed
from clusters.engine.identity import UNKNOWN, Identity
from clusters.engine.machine import FactsOnce, Machine
from clusters.engine.sendings import Sendings
from clusters.errors import PlanError, RemoteError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from clusters.config.schema import Document
    from clusters.config.schema import Host as HostSpec
    from clusters.config.secret import Secret
    from clusters.engine.deadline import Granted
    from clusters.engine.events import Event, Sink
    from clusters.engine.source import Source
    from clusters.remote.host import Cancel, Host

T = TypeVar("T")

READ_AT_ONCE = 32
"""Machines whose facts are read at the same time."""


class Cluster:
    """What a step may know. `once` computes expensive values only once per run.

    `answers` are the answers to the recipe's questions.
    """

    def __init__(
        self,
        document: Document,
        *,
        open_host: Callable[[HostSpec], Host],
        source: Source,
        sink: Sink,
        cancel: Cancel,
        leaders: Mapping[str, str] | None = None,
        granted: Granted = nothing_granted,
        answers: Mapping[str, Any] | None = None,
        identity: Identity = UNKNOWN,
    ) -> None:
        self.document = document
        self.answers: Mapping[str, Any] = answers or {}
        self.leaders = leaders or {}
        self.identity = identity
        self.source = source
        self._sink = sink
        self._machines: dict[str, Machine] = {}
        self._once: dict[str, tuple[threading.Lock, list[Any]]] = {}
        self._lock = threading.Lock()
        self._given_up: set[str] = set()
        self._ends: dict[tuple[str, str], bool] = {}
        self._open: dict[str, set[str]] = {}
        sendings = Sendings()
        for spec in document.hosts:
            host_roles = roles(document, spec.name)
            if host_roles:
                self._machines[spec.name] = Machine(
                    spec,
                    open_host(spec),
                    sink=sink,
                    cancel=cancel,
                    facts=FactsOnce(),
                    roles=host_roles,
                    granted=granted,
                    sendings=sendings,
                )

    def machine(self, name: str) -> Machine:
        """The machine of that name, outside of any step."""
        found = self._machines.get(name)
        if found is None:
            raise PlanError(f"{name} has no role in this cluster.", hint="Give it a role, or remove it.")
        return found

    @property
    def machines(self) -> tuple[Machine, ...]:
        """All machines that have a role, in the document's order."""
        return tuple(self._machines.values())

    def members(self, group: str) -> tuple[Machine, ...]:
        """The machines of a role group, in the group's order."""
        return tuple(self._machines[spec.name] for spec in members(self.document, group))

    def first(self, group: str, machine: Machine) -> Machine:
        """The machine that represents a group: its leader, or else the first listed. Its output is filed under the step
        of `machine`."""
        return self.leader(group).on_behalf_of(machine)

    def leader(self, group: str) -> Machine:
        """The machine that represents a group, outside of any step."""
        return self.machine(self.leaders.get(group) or members(self.document, group)[0].name)

    def give_up(self, name: str) -> None:
        """Stop trying this machine in prechecks: it cannot be reached, and that was reported."""
        self._given_up.add(name)

    def is_given_up(self, name: str) -> bool:
        """Whether `give_up` was called for this machine."""
        return name in self._given_up

    def note_end(self, name: str, step: str, *, good: bool) -> None:
        """Note that a step is over on a machine, and is not tried again in this run."""
        self._ends[name, step] = good

    def end_of(self, name: str, step: str) -> bool | None:
        """Whether a step ended well on a machine; None while it runs, or may be tried again."""
        return self._ends.get((name, step))

    def leave_open(self, name: str, step: str) -> None:
        """In a dry run: note that the run would change something in this step here, or in one that it needs."""
        with self._lock:
            self._open.setdefault(step, set()).add(name)

    def is_left_open(self, name: str, needs: Collection[str], needs_all: Collection[str]) -> bool:
        """Whether `leave_open` noted a step on this machine among `needs`, or one on any machine among `needs_all`."""
        return any(step in self._open for step in needs_all) or any(name in self._open.get(step, ()) for step in needs)

    def readable(self) -> tuple[Machine, ...]:
        """The machines whose facts can be read; for the others, each step on them reports why not."""
        return self.once("readable", self._read_all)

    def _read_all(self) -> tuple[Machine, ...]:
        def can_be_read(machine: Machine) -> bool:
            try:
                return not self.is_given_up(machine.name) and bool(machine.facts)
            except RemoteError:
                return False

        with ThreadPoolExecutor(READ_AT_ONCE, thread_name_prefix="facts") as pool:
            answers = list(pool.map(can_be_read, self.machines))
        return tuple(machine for machine, good in zip(self.machines, answers, strict=True) if good)

    @property
    def endpoint(self) -> str:
        """The address of the control plane endpoint's domain."""
        return endpoint_address(self.document)

    def once(self, key: str, make: Callable[[], T]) -> T:
        """The result of `make()`, computed at most once in this run even when many machines ask at once."""
        with self._lock:
            lock, box = self._once.setdefault(key, (threading.Lock(), []))
        with lock:
            if not box:
                box.append(make())
            return box[0]  # type: ignore[no-any-return]

    def deliver(self, name: str, content: Secret) -> None:
        """Give something to the person, such as the admin kubeconfig."""
        self._sink.emit(Delivered(name=name, content=content))

    def observe(self, topic: str, values: Any) -> None:
        """Record an observation of the cluster."""
        self._sink.emit(Observed(topic=topic, values=values))

    def emit(self, event: Event) -> None:
        """Pass an event to the run's sink."""
        self._sink.emit(event)

    def close(self) -> None:
        """Close all connections."""
        for machine in self._machines.values():
            machine.host.close()
