"""endpoint.dns_resolves, endpoint.reachable: an endpoint that is not ours leads somewhere from every machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.reach import dialled, lead_by_document
from clusters.config.topology import load_balancer
from clusters.engine.check import error, precheck
from clusters.remote.dial import Answer
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


def by_name(document: Document) -> bool:
    """Whether machines ask a DNS where the endpoint is."""
    return load_balancer(document) == "dns"


def elsewhere(document: Document) -> bool:
    """Whether somebody else's load balancer or DNS stands before the control planes."""
    return load_balancer(document) in ("external", "dns")


@precheck(
    "endpoint.dns_resolves",
    on="kubernetes",
    when=by_name,
    fix="Enter the name into the DNS that these machines ask, or into dns.nodeEtcHosts; or switch externalDNS off and "
    "give the address.",
)
def dns_resolves(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The control plane endpoint's name leads to an address"""
    domain = cluster.document.control_plane_endpoint.domain
    if address := lead_by_document(cluster.document, domain):
        machine.note(f"{domain} will be {address}, by dns.nodeEtcHosts")
        return
    found = machine.ask(sh("timeout 8 getent ahosts {} | awk '{{print $1}}' | sort -u", domain)).stdout.split()
    if not found:
        yield error(f"{machine.name} cannot resolve {domain}, the name of the control plane endpoint.")
    else:
        machine.note(f"{domain} is {', '.join(found)}")


@precheck(
    "endpoint.reachable",
    on="kubernetes",
    when=elsewhere,
    fix="Start the load balancer and open the way to it. Waive this if it is silent until an API server is behind it.",
)
def reachable(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The control plane endpoint answers, if only by refusing"""
    endpoint = cluster.document.control_plane_endpoint
    where = cluster.endpoint
    if by_name(cluster.document):
        where = lead_by_document(cluster.document, endpoint.domain) or endpoint.domain
    dials = dialled(machine, [(where, endpoint.port)])
    if dials is None:
        machine.note("not tried: the machine has no bash that opens connections")
        return
    (dial,) = dials
    if dial.answer.through:
        machine.note(f"{where}:{endpoint.port}: {dial.describe()}")
    elif dial.answer is not Answer.UNKNOWN_NAME:
        yield error(
            f"{machine.name} cannot reach the control plane endpoint {where}:{endpoint.port}: {dial.describe()}."
        )
