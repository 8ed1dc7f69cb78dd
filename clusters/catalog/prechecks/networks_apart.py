"""cidr.disjoint: nobody uses the pods' and services' addresses already, where the machine's routes know of somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.claimed import of_a_cluster
from clusters.catalog.plugins import plugins
from clusters.config.syntax import network_of, parts_of
from clusters.engine.check import error, precheck, warning
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.syntax import Network
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

OF_KUBERNETES = ("kube-", "nodelocaldns")


@precheck(
    "cidr.disjoint",
    on="kubernetes",
    fix="Choose other networks for pods or services: network.kubePodsCIDR, network.kubeServiceCIDR.",
)
def apart(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
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
                    yield _told(f"{machine.name} has a route to {route} ({device})", route, wanted, name)


def _told(way: str, route: Network, wanted: Network, name: str) -> Finding:
    if route.prefixlen >= wanted.prefixlen:
        return error(f"{way}, which is in the network of the {name}, {wanted}.")
    return warning(
        f"{way}, and the network of the {name}, {wanted}, is a part of it: what else has addresses there is not "
        "reached any more."
    )


def _of_a_cluster() -> tuple[str, ...]:
    """How interfaces of clusters are called: what one network plugin left behind is the next one's to use."""
    return OF_KUBERNETES + tuple(name for each in plugins().values() for name in each.interfaces)


def _routes(text: str) -> Iterator[tuple[Network, str]]:
    """Network and interface of each route that is neither the default nor a plugin's."""
    for line in text.splitlines():
        words = line.split()
        if words[:1] in (["unreachable"], ["blackhole"], ["prohibit"], ["multicast"]):
            continue
        network = network_of(_with_length(words[0])) if words else None
        device = words[words.index("dev") + 1] if "dev" in words[:-1] else ""
        if (
            network is not None
            and network.prefixlen
            and not network.is_link_local
            and not device.startswith(_of_a_cluster())
        ):
            yield network, device


def _with_length(text: str) -> str:
    """A route to one address is printed without its length."""
    return text if "/" in text else f"{text}/{128 if ':' in text else 32}"
