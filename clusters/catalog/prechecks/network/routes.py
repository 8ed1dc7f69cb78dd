"""net.default_route, net.mtu, cidr.disjoint: the routes and packet sizes of a machine."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from clusters.catalog.claimed import of_a_cluster
from clusters.catalog.plugins import plugins
from clusters.config.syntax import network_of, parts_of
from clusters.config.topology import first_service_address
from clusters.engine.check import error, precheck, warning
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.syntax import Network
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck(
    "net.default_route",
    on="kubernetes",
    fix="Add a default route; without a gateway, one through the machine's own interface is enough "
    "(ip route add default dev …, and the same in the network's configuration).",
)
def default_route(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The machine has a default route, or one to the services"""
    for place, network in enumerate(parts_of(cluster.document.network.kube_service_cidr)):
        service = first_service_address(network)
        if not service or (":" not in service and machine.facts.default_interface):
            continue
        # The kernel looks for a route before kube-proxy's rules redirect a packet.
        if not machine.ask(sh("ip -o route get {}", service)).ok:
            # A service of the second network also has an address of the first, which most programs use.
            finding, which = (warning, " at that address") if place else (error, "")
            yield finding(
                f"{machine.name} has no default route and none to the services ({service}): processes on the "
                f"machine itself reach no service{which}."
            )


@precheck("net.mtu", fix="Set the same MTU on all of them and on the devices between; the smallest one counts.")
def mtu(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """All machines have the same MTU"""
    own = machine.facts.mtu_of(machine.address)
    sizes = [each.facts.mtu_of(each.address) for each in cluster.readable()]
    known = [size for size in sizes if size]
    usual = statistics.mode(known) if own else 0
    if own != usual:
        yield warning(
            f"{machine.name} sends packets of up to {own} bytes (MTU), the others of {usual}: large packets get lost "
            "between them."
        )


KUBERNETES_INTERFACES = ("kube-", "nodelocaldns")


@precheck(
    "cidr.disjoint",
    on="kubernetes",
    fix="Choose other networks for pods or services: network.kubePodsCIDR, network.kubeServiceCIDR.",
)
def cidr_disjoint(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """No route of the machine overlaps the pod and service networks"""
    if machine.ask(of_a_cluster()).ok:
        machine.note("already a node: its routes to pods belong to the cluster")
        return
    routes = list(_routes(machine.ask(sh("ip -o route show; ip -o -6 route show 2>/dev/null; exit 0")).stdout))
    network = cluster.document.network
    for name, text in (("pods", network.kube_pods_cidr), ("services", network.kube_service_cidr)):
        for wanted in (each for part in parts_of(text) if (each := network_of(part)) is not None):
            for route, device in routes:
                if route.overlaps(wanted):
                    yield _overlap(f"{machine.name} has a route to {route} ({device})", route, wanted, name)


def _overlap(prefix: str, route: Network, wanted: Network, name: str) -> Finding:
    if route.prefixlen >= wanted.prefixlen:
        return error(f"{prefix}, which is in the network of the {name}, {wanted}.")
    return warning(
        f"{prefix}, and the network of the {name}, {wanted}, is a part of it: other hosts "
        "in that range become unreachable."
    )


def cluster_interfaces() -> tuple[str, ...]:
    """Prefixes of the names of interfaces that clusters make; a network plugin may reuse those of another."""
    return KUBERNETES_INTERFACES + tuple(name for each in plugins().values() for name in each.interfaces)


def _routes(text: str) -> Iterator[tuple[Network, str]]:
    """Network and interface of each route that is neither the default nor a plugin's."""
    for line in text.splitlines():
        words = line.split()
        if words[:1] in (["unreachable"], ["blackhole"], ["prohibit"], ["multicast"]):
            continue
        network = network_of(_with_prefix_length(words[0])) if words else None
        device = words[words.index("dev") + 1] if "dev" in words[:-1] else ""
        if (
            network is not None
            and network.prefixlen
            and not network.is_link_local
            and not device.startswith(cluster_interfaces())
        ):
            yield network, device


def _with_prefix_length(text: str) -> str:
    """The network with its prefix length, which `ip route` omits for a single address."""
    return text if "/" in text else f"{text}/{128 if ':' in text else 32}"
