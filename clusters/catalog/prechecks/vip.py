"""vip.free, vip.same_subnet: the address that control planes are to share is nobody's yet, and in their network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.paths import CLAIM
from clusters.catalog.reach import dialled
from clusters.config.sections.endpoint import VIRTUAL
from clusters.config.topology import load_balancer
from clusters.engine.check import error, precheck, warning
from clusters.errors import RemoteError
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

SSH = 22


def shared(document: Document) -> bool:
    """Whether control planes share an address."""
    return load_balancer(document) in VIRTUAL


def announced_on_link(document: Document) -> bool:
    """Whether they do so by ARP, which ends at the next router."""
    endpoint = document.control_plane_endpoint
    return shared(document) and not (endpoint.internal_loadbalancer == "kube-vip" and endpoint.kubevip.mode == "BGP")


@precheck(
    "vip.free",
    on="control-plane",
    when=shared,
    fix="Choose an address that nobody has and that no DHCP server gives away, or take it from whoever has it.",
)
def free(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Nobody has the virtual address yet"""
    if cluster.once("vip.ours", lambda: _ours(cluster)):
        machine.note("this cluster has it")
        return
    address = cluster.endpoint
    if address in machine.facts.ips:
        yield error(f"{machine.name} itself has the virtual address {address}, and Slipway did not give it to it.")
        return
    ports = (cluster.document.control_plane_endpoint.port, SSH)
    dials = dialled(machine, [(address, port) for port in ports], seconds=1) or ()
    # Whoever has it answers ARP even where a firewall lets nothing through.
    neighbour = machine.ask(sh("ip -o neigh show to {} nud reachable", address)).stdout.split()
    if "lladdr" in neighbour:
        owner = neighbour[neighbour.index("lladdr") + 1]
        yield error(f"{machine.name} sees {address} taken: the machine with hardware address {owner} has it.")
    elif answers := [dial for dial in dials if dial.answer.through]:
        told = ", ".join(f"port {dial.port} {dial.answer.value}" for dial in answers)
        yield error(f"{machine.name} sees {address} taken: something answers there ({told}).")


@precheck(
    "vip.same_subnet",
    on="control-plane",
    when=announced_on_link,
    fix="Take an address of the control planes' own subnet; with kube-vip and BGP it may be any.",
)
def same_subnet(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The virtual address is in the control planes' subnet"""
    address = cluster.endpoint
    route = machine.ask(sh("ip -o route get {} 2>&1", address)).stdout
    if address not in machine.facts.ips and (" via " in route or "unreachable" in route):
        yield warning(
            f"{address} is not in a subnet of {machine.name} ({route.partition(chr(92))[0].strip()}); it is announced "
            "by ARP, which no router passes on."
        )


def _ours(cluster: Cluster) -> bool:
    """Whether a control plane was prepared for a cluster before: a stranger's is refused elsewhere."""
    for each in cluster.members("master"):
        try:
            if each.read(CLAIM) is not None:
                return True
        except RemoteError:
            # It says itself that it cannot be reached.
            continue
    return False
