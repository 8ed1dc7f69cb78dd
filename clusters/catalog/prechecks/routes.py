"""net.default_route, net.mtu: every node has a way to services, and machines send packets of one size."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from clusters.config.syntax import parts_of
from clusters.config.topology import first_service_address
from clusters.engine.check import error, precheck, warning
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
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
