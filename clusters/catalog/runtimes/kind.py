"""Runtime: the interface of a container runtime, so that the rest of the catalog does not know which one it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clusters.catalog.components import Component
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want
    from clusters.remote.shell import Command


NOFILE = 1_048_576
"""Open files of a runtime, and so of its containers."""


def limits_of(machine: Machine) -> dict[str, int]:
    """The limits that the runtime's service must have, where the machine can grant them."""
    return {"LimitNOFILE": NOFILE} if machine.facts.can_raise_nofile else {}


def socket_of(document: Document, usual: str) -> str:
    """The socket's path: the one the document names in containerRuntimeEndpoint, or the usual one."""
    return document.kubernetes.container_runtime_endpoint.removeprefix("unix://") or usual


@dataclass(frozen=True, slots=True)
class Runtime:
    """A container runtime as a document configures it.

    `manager` is its name in `kubernetes.containerManager`; `socket` the path where the kubelet and crictl reach it;
    `unit` the systemd service after which the kubelet starts; `answers` a command that succeeds once it can be used.
    `has`, `load` and `pull` are commands on one image: check whether it exists under this name, load it from an archive
    on standard input, and pull it from its registry. `binaries` are the wanted states of its programs; `components` are
    the components that these use from the artifact source. `pin` protects an image from kubelet's garbage collection
    (None where the runtime cannot), and `is_pinned` checks whether it is protected.
    """

    manager: str
    socket: str
    unit: str
    answers: Command
    has: Callable[[str], Command]
    load: Callable[[str], Command]
    pull: Callable[[str], Command]
    components: tuple[str, ...]
    binaries: Callable[[Machine, Cluster], Iterator[Want]]
    pin: Callable[[str], Command] | None = None
    is_pinned: Callable[[str], Command] = lambda ref: sh("false")


@dataclass(frozen=True, slots=True)
class RuntimeRecord:
    """What a runtime's module declares as `RUNTIME`.

    `name` is its word in `kubernetes.containerManager`; `runtime` makes the Runtime of a document. Other steps wait for
    `steps`. `components` are its rows in the table of components. `units` are services whose settings it replaces;
    none where the user sets the runtime up.
    """

    name: str
    runtime: Callable[[Document], Runtime]
    steps: tuple[str, ...]
    components: tuple[Component, ...] = ()
    units: tuple[str, ...] = ()

    def chosen(self, document: Document) -> bool:
        """Whether the document asks for this runtime."""
        return document.kubernetes.container_manager == self.name
