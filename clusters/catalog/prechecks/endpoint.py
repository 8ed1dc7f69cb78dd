"""endpoint.*, vip.*: the control plane endpoint leads to the control planes, and a virtual address is free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.load_balancers import RECORDS, record_of
from clusters.catalog.paths import CLAIM
from clusters.catalog.reach import dialled, lead_by_document
from clusters.config.load_balancers import has_virtual_address
from clusters.config.topology import load_balancer
from clusters.engine.check import error, precheck, warning
from clusters.errors import RemoteError
from clusters.remote.dial import Answer
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


def uses_dns(document: Document) -> bool:
    """Whether DNS resolves the endpoint's name."""
    return load_balancer(document) == "dns"


def is_external(document: Document) -> bool:
    """Whether the control planes have a load balancer or DNS that Slipway does not manage."""
    return load_balancer(document) in ("external", "dns")


@precheck(
    "endpoint.dns_resolves",
    on="kubernetes",
    when=uses_dns,
    fix="Add the name to the DNS that these machines use, or to dns.nodeEtcHosts; or turn externalDNS off and set the "
    "address.",
)
def dns_resolves(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The name of the control plane endpoint resolves"""
    domain = cluster.document.control_plane_endpoint.domain
    if address := lead_by_document(cluster.document, domain):
        machine.note(f"dns.nodeEtcHosts resolves {domain} to {address}")
        return
    found = machine.ask(sh("timeout 8 getent ahosts {} | awk '{{print $1}}' | sort -u", domain)).stdout.split()
    if not found:
        yield error(f"{machine.name} cannot resolve {domain}, the name of the control plane endpoint.")
    else:
        machine.note(f"{domain} resolves to {', '.join(found)}")


@precheck(
    "endpoint.reachable",
    on="kubernetes",
    when=is_external,
    fix="Start the load balancer and allow connections to it. Waive this if it needs a running API server to answer.",
)
def endpoint_reachable(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The control plane endpoint is reachable"""
    endpoint = cluster.document.control_plane_endpoint
    where = cluster.endpoint
    if uses_dns(cluster.document):
        where = lead_by_document(cluster.document, endpoint.domain) or endpoint.domain
    dials = dialled(machine, [(where, endpoint.port)])
    if dials is None:
        machine.note("not tested: the machine has no bash with /dev/tcp")
        return
    (dial,) = dials
    if dial.answer.through:
        machine.note(f"{where}:{endpoint.port}: {dial.describe()}")
    elif dial.answer is not Answer.UNKNOWN_NAME:
        yield error(
            f"{machine.name} cannot reach the control plane endpoint {where}:{endpoint.port}: {dial.describe()}."
        )


SSH_PORT = 22
ELSEWHERE = tuple(each.elsewhere for each in RECORDS.values() if each.elsewhere)


def announced_by_arp(document: Document) -> bool:
    """Whether ARP announces that address, which no router forwards."""
    return has_virtual_address(document) and record_of(document).by_arp(document)


@precheck(
    "vip.free",
    on="control-plane",
    when=has_virtual_address,
    fix="Choose an unused address outside every DHCP range, or free this one.",
)
def vip_free(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The virtual address is unused"""
    if cluster.once("vip.ours", lambda: _held_by_this_cluster(cluster)):
        machine.note("this cluster has the address")
        return
    address = cluster.endpoint
    if address in machine.facts.ips:
        yield error(f"{machine.name} already has the virtual address {address}, and not from Slipway.")
        return
    ports = (cluster.document.control_plane_endpoint.port, SSH_PORT)
    dials = dialled(machine, [(address, port) for port in ports], seconds=1) or ()
    # Its owner answers ARP even behind a firewall.
    neighbour = machine.ask(sh("ip -o neigh show to {} nud reachable", address)).stdout.split()
    if "lladdr" in neighbour:
        owner = neighbour[neighbour.index("lladdr") + 1]
        yield error(f"{machine.name} finds {address} in use by the machine with hardware address {owner}.")
    elif answers := [dial for dial in dials if dial.answer.through]:
        reasons = ", ".join(f"port {dial.port} {dial.answer.value}" for dial in answers)
        yield error(f"{machine.name} finds {address} in use: it answers ({reasons}).")


@precheck(
    "vip.same_subnet",
    on="control-plane",
    when=announced_by_arp,
    fix="; ".join(("Choose an address in the control planes' own subnet", *ELSEWHERE)) + ".",
)
def vip_same_subnet(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The virtual address is in the control planes' subnet"""
    address = cluster.endpoint
    route = machine.ask(sh("ip -o route get {} 2>&1", address)).stdout
    if address not in machine.facts.ips and (" via " in route or "unreachable" in route):
        yield warning(
            f"{address} is not in a subnet of {machine.name} ({route.partition(chr(92))[0].strip()}); ARP announces "
            "it, which no router forwards."
        )


def _held_by_this_cluster(cluster: Cluster) -> bool:
    """Whether a control plane already belongs to a cluster; k8s.leftovers refuses one of another cluster."""
    for each in cluster.members("master"):
        try:
            if each.read(CLAIM) is not None:
                return True
        except RemoteError:
            # access.facts reports that this machine is unreachable.
            continue
    return False
