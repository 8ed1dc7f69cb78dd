"""Rules on the control plane endpoint: where clients reach the API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config import topology
from clusters.config.finding import error
from clusters.config.rules.registry import rule
from clusters.config.syntax import NAME_RULE, address_of, did_you_mean, is_address_or_name, is_domain, tidied
from clusters.config.yamltree import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

LOAD_BALANCERS = ("haproxy", "keepalived", "kube-vip")
NOT_BUILT = ("kube-vip",)
VIRTUAL = ("keepalived", "kube-vip")
"""Those whose address the control plane machines share."""

TAKEN_PORTS = {
    2379: "etcd",
    2380: "etcd",
    10248: "the kubelet",
    10249: "kube-proxy",
    10250: "the kubelet",
    10256: "kube-proxy",
    10257: "the controller manager",
    10259: "the scheduler",
}
"""Ports of a control plane machine. Source: Kubernetes' list of ports and protocols."""

_PATH = "spec.controlPlaneEndpoint"


@rule
def domain(document: Document) -> Iterator[Finding]:
    """The endpoint's domain is a name, and not that of a machine."""
    text, path = document.control_plane_endpoint.domain, f"{_PATH}.domain"
    if not text:
        yield error("endpoint.domain_missing", path, "The endpoint has no domain.", hint="Take lb.kubesphere.local.")
    elif address_of(text) is not None or not is_domain(text):
        better = tidied(text)
        meant = f"Did you mean {better}? " if better and address_of(text) is None else ""
        yield error("endpoint.domain_syntax", path, f"{shown(text)} is no domain name.", hint=f"{meant}{NAME_RULE}")
    elif document.host(text) is not None:
        yield error(
            "endpoint.domain_is_host",
            path,
            f"{text} is the name of a machine; the endpoint needs a name of its own.",
            hint="Take lb.kubesphere.local.",
            hosts=(text,),
        )


@rule
def port(document: Document) -> Iterator[Finding]:
    """The endpoint's port exists and nothing else listens there."""
    number, path = document.control_plane_endpoint.port, f"{_PATH}.port"
    if not 1 <= number <= 65535:
        yield error("endpoint.port_range", path, f"Port {number} does not exist; allowed are 1 to 65535.")
    elif number in TAKEN_PORTS:
        yield error(
            "endpoint.port_taken", path, f"Port {number} belongs to {TAKEN_PORTS[number]}.", hint="6443 is usual."
        )
    elif 30000 <= number <= 32767:
        yield error(
            "endpoint.port_taken",
            path,
            f"Port {number} is in the range of NodePorts, 30000 to 32767.",
            hint="Take 6443.",
        )
    else:
        for host in topology.members(document, "master"):
            if host.port == number and host.ssh_address == host.node_address:
                yield error("endpoint.port_taken", path, f"Port {number} is SSH's on {host.name}.", hosts=(host.name,))


@rule
def address(document: Document) -> Iterator[Finding]:
    """The endpoint's address is empty, or leads to the API server."""
    text, path = document.control_plane_endpoint.address, f"{_PATH}.address"
    if not text:
        return
    if not is_address_or_name(text) or address_of(text) is None:
        yield error(
            "endpoint.address_syntax",
            path,
            f"{shown(text)} is no IP address.",
            hint="Leave it empty for the first control plane machine's, or give the load balancer's.",
        )
        return
    masters = {name for host in topology.members(document, "master") for name in (host.address, host.node_address)}
    virtual = document.control_plane_endpoint.internal_loadbalancer in VIRTUAL
    for host in document.hosts:
        if text in (host.address, host.node_address) and text not in masters and not virtual:
            yield error(
                "endpoint.address_is_other_machine",
                path,
                f"{text} is {host.name}, which is not a control plane machine.",
                hint="Leave it empty for the first control plane machine's.",
                hosts=(host.name,),
            )
            return


@rule
def load_balancer(document: Document) -> Iterator[Finding]:
    """The internal load balancer is one there is, and has the address it needs."""
    endpoint, path = document.control_plane_endpoint, f"{_PATH}.internalLoadbalancer"
    text = endpoint.internal_loadbalancer
    if text in NOT_BUILT:
        yield error("endpoint.load_balancer_not_built", path, f"{text} is not built yet.", hint="Leave it out.")
    elif text and text not in LOAD_BALANCERS:
        hint = did_you_mean(text, LOAD_BALANCERS)
        yield error("endpoint.load_balancer_unknown", path, f"{shown(text)} is no internal load balancer.", hint=hint)
    elif text == "haproxy" and (endpoint.address or endpoint.external_dns):
        yield error(
            "endpoint.haproxy_with_address",
            f"{_PATH}.address",
            "With haproxy each worker has a proxy of its own, so there is no address for the endpoint.",
            hint="Remove the address, or remove internalLoadbalancer if a load balancer answers there.",
        )
    elif text in VIRTUAL:
        yield from _virtual_address(document, text)


def _virtual_address(document: Document, kind: str) -> Iterator[Finding]:
    address, path = document.control_plane_endpoint.address, f"{_PATH}.address"
    hint = "Take a free address of the control planes' network that nothing else uses and DHCP does not give away."
    if not address:
        yield error("endpoint.vip_missing", path, f"{kind} needs an address that the machines can share.", hint=hint)
    owner = next((host for host in document.hosts if address and address in (host.address, host.node_address)), None)
    if owner is not None:
        yield error(
            "endpoint.vip_is_machine",
            path,
            f"{address} is the address of {owner.name}; a shared address is nobody's own.",
            hint=hint,
            hosts=(owner.name,),
        )


@rule
def external_dns(document: Document) -> Iterator[Finding]:
    """A name that somebody's DNS resolves has no address here."""
    endpoint = document.control_plane_endpoint
    if endpoint.external_dns and endpoint.address:
        yield error(
            "endpoint.dns_with_address",
            f"{_PATH}.address",
            "externalDNS says that DNS knows the endpoint's address, but an address is given too.",
            hint="Remove one of the two.",
        )
