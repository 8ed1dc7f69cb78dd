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
    fix="Give the machine a default route; where there is no gateway, one through its own interface does "
    "(ip route add default dev …, and in the network's configuration).",
)
def default_route(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The machine has a default route, or one to the services"""
    for place, network in enumerate(parts_of(cluster.document.network.kube_service_cidr)):
        service = first_service_address(network)
        if not service or (":" not in service and machine.facts.default_interface):
            continue
        # The kernel looks for a route before kube-proxy's rules lead a packet elsewhere.
        if not machine.ask(sh("ip -o route get {}", service)).ok:
            # Of a second network there is the first one's address, too, which most programs take.
            say, of_it = (warning, " by that address") if place else (error, "")
            yield say(
                f"{machine.name} has no default route and none to the services ({service}): what runs on the machine "
                f"itself reaches no service{of_it}."
            )


@precheck("net.mtu", fix="Set the same MTU on all of them, and on what is between; it is the smallest that counts.")
def mtu(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Machines send packets of the same size"""
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
    """No route of the machine leads into the pods' or the services' network"""
    if machine.ask(of_a_cluster()).ok:
        machine.note("of a cluster already: its routes to pods are the cluster's own")
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
        f"{prefix}, and the network of the {name}, {wanted}, is a part of it: what else has addresses there is not "
        "reached any more."
    )


def _cluster_interfaces() -> tuple[str, ...]:
    """How interfaces of clusters are called: what one network plugin left behind is the next one's to use."""
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
            and not device.startswith(_cluster_interfaces())
        ):
            yield network, device


def _with_prefix_length(text: str) -> str:
    """A route to one address is printed without its length."""
    return text if "/" in text else f"{text}/{128 if ':' in text else 32}"
