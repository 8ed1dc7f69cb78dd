"""LoadBalancerRecord: a load balancer on machines, so that the rest of the catalog does not know which one it is."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.source import Source


def _nothing(machine: Machine, cluster: Cluster) -> None:
    """For a load balancer that needs nothing before `kubeadm init`."""


def _no_change(machine: Machine, cluster: Cluster) -> AbstractContextManager[None]:
    """For a load balancer that clients do not have to leave first."""
    return nullcontext()


@dataclass(frozen=True, slots=True)
class LoadBalancerRecord:
    """What a load balancer's module declares as `LOAD_BALANCER`.

    `name` is its value in `internalLoadbalancer`; its record there has `virtual`, which decides on which machines it
    runs. These get its `images`, by upstream's names, and its `commands` (command -> package), and there its
    `local_ports` (TCP, for the machine itself) must be free. Of its steps,
    `before_init` end before `kubeadm init`, `before_join` on every other control plane before it joins, `before_nodes`
    on the first control plane before any other machine joins, and `last` before the cluster is checked as a whole.
    `stand_by` prepares the first control plane directly before `kubeadm init`. While a machine's API server restarts,
    `stood_aside` leads clients to another machine. `by_arp`: whether ARP announces a virtual address, which no router
    forwards; `elsewhere` states when it does not, for people.
    """

    name: str
    images: Callable[[Source], tuple[str, ...]] = lambda source: ()
    commands: Mapping[str, str] = field(default_factory=dict)
    local_ports: Callable[[Document], tuple[int, ...]] = lambda document: ()
    before_init: tuple[str, ...] = ()
    before_join: tuple[str, ...] = ()
    before_nodes: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    stand_by: Callable[[Machine, Cluster], None] = _nothing
    stood_aside: Callable[[Machine, Cluster], AbstractContextManager[None]] = _no_change
    by_arp: Callable[[Document], bool] = lambda document: True
    elsewhere: str = ""

    def chosen(self, document: Document) -> bool:
        """Whether the document uses it."""
        return document.control_plane_endpoint.internal_loadbalancer == self.name
