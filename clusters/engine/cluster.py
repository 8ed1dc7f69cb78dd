"""Cluster: all machines of a run, the document, and what steps ask of the cluster as a whole."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

from clusters.config.topology import endpoint_address, members, roles
from clusters.engine.events import Delivered, Observed
from clusters.engine.machine import FactsOnce, Machine
from clusters.engine.sendings import Sendings
from clusters.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.config.schema import Document
    from clusters.config.schema import Host as HostSpec
    from clusters.config.secret import Secret
    from clusters.engine.events import Sink
    from clusters.engine.source import Source
    from clusters.remote.host import Cancel, Host

T = TypeVar("T")


class Cluster:
    """What a step may know. Answers that are dear to get are kept for the run by `once`."""

    def __init__(
        self,
        document: Document,
        *,
        open_host: Callable[[HostSpec], Host],
        source: Source,
        sink: Sink,
        cancel: Cancel,
    ) -> None:
        self.document = document
        self.source = source
        self._sink = sink
        self._machines: dict[str, Machine] = {}
        self._once: dict[str, tuple[threading.Lock, list[Any]]] = {}
        self._lock = threading.Lock()
        sendings = Sendings()
        for spec in document.hosts:
            held = roles(document, spec.name)
            if held:
                self._machines[spec.name] = Machine(
                    spec,
                    open_host(spec),
                    sink=sink,
                    cancel=cancel,
                    facts=FactsOnce(),
                    roles=held,
                    sendings=sendings,
                )

    def machine(self, name: str) -> Machine:
        """The machine of that name, outside of any step."""
        found = self._machines.get(name)
        if found is None:
            raise PlanError(f"{name} has no role in this cluster.", hint="Give it a role, or leave it out.")
        return found

    @property
    def machines(self) -> tuple[Machine, ...]:
        """All machines that have a role, in the document's order."""
        return tuple(self._machines.values())

    def members(self, group: str) -> tuple[Machine, ...]:
        """The machines of a role group, in the group's order."""
        return tuple(self._machines[spec.name] for spec in members(self.document, group))

    def first(self, group: str, machine: Machine) -> Machine:
        """The first machine of a group, seen by the step that `machine` is in, so that its output is filed there."""
        spec = members(self.document, group)[0]
        known = self._machines[spec.name]
        return known.during(machine.step, timeout=machine.seconds_left(), cancel=machine.cancel)

    @property
    def endpoint(self) -> str:
        """The address behind the control plane endpoint's domain."""
        return endpoint_address(self.document)

    def once(self, key: str, make: Callable[[], T]) -> T:
        """`make()`'s answer, computed at most once in this run even when many machines ask at once."""
        with self._lock:
            lock, box = self._once.setdefault(key, (threading.Lock(), []))
        with lock:
            if not box:
                box.append(make())
            return box[0]  # type: ignore[no-any-return]

    def deliver(self, name: str, content: Secret) -> None:
        """Hand something to the person, such as the admin kubeconfig."""
        self._sink.emit(Delivered(name=name, content=content))

    def observe(self, topic: str, values: Any) -> None:
        """Record what was seen of the cluster."""
        self._sink.emit(Observed(topic=topic, values=values))

    def close(self) -> None:
        """Close all connections."""
        for machine in self._machines.values():
            machine.host.close()
