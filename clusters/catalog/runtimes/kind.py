"""Runtime: what the rest of the catalog asks of a container runtime, so that nothing else knows which one it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want
    from clusters.remote.shell import Command


@dataclass(frozen=True, slots=True)
class Runtime:
    """A container runtime as a document wants it.

    `manager` is its word in `kubernetes.containerManager`; `socket` the path where the kubelet and crictl reach it;
    `unit` the service of systemd that the kubelet is started after; `answers` a command that succeeds once it can be
    used. `has`, `load` and `pull` are commands on one image: whether it is there by this name, take it from an archive
    on standard input, and fetch it from its registry. `binaries` are the wanted states of its programs; `components`
    names what these take from the artifact source, as the table of components has it. `pin` keeps an image from
    kubelet's garbage collection, and `is_pinned` says whether it is kept; None where the runtime cannot.
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


def socket_of(document: Document, usual: str) -> str:
    """The socket's path: the one the document names in containerRuntimeEndpoint, or the usual one."""
    return document.kubernetes.container_runtime_endpoint.removeprefix("unix://") or usual
