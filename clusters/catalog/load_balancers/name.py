"""endpoint/own: the address of the endpoint's name on each machine, before the machine joins and afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.hosts_file import HOSTS, only_address
from clusters.config.load_balancers import has_proxies
from clusters.config.topology import load_balancer
from clusters.engine.step import step
from clusters.engine.wants import Sight, Wanted, service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

LOOPBACK = "127.0.0.1"


def first_address(cluster: Cluster) -> str:
    """The name's address until a machine has joined: that of a running control plane, or the one they share.

    Empty when an external DNS resolves the name.
    """
    if own_api_server(cluster.document):
        return cluster.leader("master").address
    return _common_address(cluster)


def _common_address(cluster: Cluster) -> str:
    return "" if cluster.document.control_plane_endpoint.external_dns else cluster.endpoint


def lasting_address(machine: Machine, cluster: Cluster) -> str:
    """The name's address on a machine that has joined.

    A virtual or external address is the same everywhere; else a control plane machine uses its own API server, and
    other machines use their own proxy, or without one the first control plane machine.
    """
    if own_api_server(cluster.document) and "master" in machine.roles:
        return machine.address
    if has_proxies(cluster.document):
        return LOOPBACK
    return _common_address(cluster)


def known(machine: Machine, cluster: Cluster) -> Want:
    """The endpoint's name has an address; which of the two does not matter yet."""
    lasting, first = (
        _entry(machine, cluster, address) for address in (lasting_address(machine, cluster), first_address(cluster))
    )

    def look(here: Machine) -> Sight:
        return Sight(True) if lasting.seen(here).so else first.seen(here)

    return Wanted("the endpoint's name is known", look, first.reach, (HOSTS,))


def lead_to_first(machine: Machine, cluster: Cluster) -> None:
    """Before a machine joins (again), set the name's address to that of a running control plane."""
    first = _entry(machine, cluster, first_address(cluster))
    if first_address(cluster) and not first.seen(machine).so:
        first.reach(machine)


def lasting(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """The name has its lasting address, and kubelet uses it."""
    yield _entry(machine, cluster, lasting_address(machine, cluster))
    # kubelet keeps its connection to the old address as long as it works.
    yield service("kubelet", restart_for=(HOSTS,))


def own_api_server(document: Document) -> bool:
    """Whether each control plane machine uses its own API server, since no address leads to all of them."""
    return has_proxies(document) or load_balancer(document) == "none"


@step(
    "endpoint/own",
    on="other-control-planes",
    needs=("kubernetes/join-control-plane",),
    when=own_api_server,
    expected=4,
)
def own(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Switch each control plane to its own API server"""
    yield from lasting(machine, cluster)


def _entry(machine: Machine, cluster: Cluster, address: str) -> Want:
    return only_address(machine, cluster, "endpoint", cluster.document.control_plane_endpoint.domain, address)
