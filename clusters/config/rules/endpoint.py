"""Rules on the control plane endpoint: where clients reach the API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config import topology
from clusters.config.finding import error
from clusters.config.load_balancers import has_virtual_address
from clusters.config.rules.registry import rule
from clusters.config.syntax import NAME_RULE, address_of, is_address_or_name, is_domain, tidied
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

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
_USUAL = "an unused port, 1 to 65535"


@rule
def domain(document: Document) -> Iterator[Finding]:
    """The endpoint's domain is a name, but not that of a machine."""
    text, path = document.control_plane_endpoint.domain, f"{_PATH}.domain"
    usual = "Use lb.kubesphere.local."
    if not text:
        message = "The endpoint has no domain."
        yield error("endpoint.domain_missing", path, message, hint=usual, found="nothing", allowed=NAME_RULE)
    elif address_of(text) is not None:
        message = f"{text} is an address, not a domain name."
        own = document.control_plane_endpoint.address
        hint = "Remove it" if own == text else "Put it into address" if not own else "Decide between it and address"
        hint = f"{hint}, and use a name such as lb.kubesphere.local as the domain."
        yield error("endpoint.domain_is_address", path, message, hint=hint, found=text, allowed=NAME_RULE)
    elif not is_domain(text):
        better = tidied(text)
        meant = f"Did you mean {better}? " if better else ""
        message = f"{excerpt(text)} is not a domain name."
        hint = f"{meant}{NAME_RULE}"
        yield error("endpoint.domain_syntax", path, message, hint=hint, found=excerpt(text), allowed=NAME_RULE)
    elif document.host(text) is not None:
        yield error(
            "endpoint.domain_is_host",
            path,
            f"{text} is the name of a machine; the endpoint needs a separate name.",
            hint=usual,
            hosts=(text,),
            found=text,
            allowed="a name that no machine has",
        )


@rule
def port(document: Document) -> Iterator[Finding]:
    """The endpoint's port is valid and unused."""
    number, path = document.control_plane_endpoint.port, f"{_PATH}.port"
    found = str(number)
    if not 1 <= number <= 65535:
        message = f"{number} is not a valid port; allowed: 1 to 65535."
        yield error("endpoint.port_range", path, message, found=found, allowed="1 to 65535")
    elif number in TAKEN_PORTS:
        message = f"Port {number} is used by {TAKEN_PORTS[number]}."
        yield error("endpoint.port_taken", path, message, hint="6443 is usual.", found=found, allowed=_USUAL)
    elif 30000 <= number <= 32767:
        message = f"Port {number} is in the range of NodePorts, 30000 to 32767."
        yield error("endpoint.port_taken", path, message, hint="Use 6443.", found=found, allowed=_USUAL)
    else:
        for host in topology.members(document, "master"):
            if host.port == number and host.ssh_address == host.node_address:
                message = f"Port {number} is used by SSH on {host.name}."
                yield error("endpoint.port_taken", path, message, hosts=(host.name,), found=found, allowed=_USUAL)


@rule
def address(document: Document) -> Iterator[Finding]:
    """The endpoint's address is empty, or leads to the API server."""
    endpoint, path = document.control_plane_endpoint, f"{_PATH}.address"
    text = endpoint.address
    if not text:
        return
    if not is_address_or_name(text) or address_of(text) is None:
        message = f"{excerpt(text)} is not an IP address."
        hint = "Leave it empty for the first control plane's address, or enter the load balancer's."
        if is_address_or_name(text):
            hint = "Put the name into domain. Leave address empty, and set externalDNS if your DNS resolves the name."
        yield error(
            "endpoint.address_syntax",
            path,
            message,
            hint=hint,
            found=excerpt(text),
            allowed="an IP address, or nothing",
        )
        return
    if has_virtual_address(document):
        return
    masters = {name for host in topology.members(document, "master") for name in (host.address, host.node_address)}
    for host in document.hosts:
        if text in (host.address, host.node_address) and text not in masters:
            yield error(
                "endpoint.address_is_other_machine",
                path,
                f"{text} is the address of {host.name}, which is not a control plane machine.",
                hint="Leave it empty for the first control plane's address.",
                hosts=(host.name,),
                found=text,
                allowed="a load balancer's or a control plane machine's address",
            )
            return
