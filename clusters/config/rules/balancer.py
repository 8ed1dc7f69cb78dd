"""Rules on the load balancer of several control planes, and each internal load balancer's rules on its options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config import topology
from clusters.config.component_settings.proxy_mode import mode_in
from clusters.config.finding import error, info, warning
from clusters.config.load_balancers import has_virtual_address, load_balancer_of, load_balancers, names
from clusters.config.rules.notbuilt import choices
from clusters.config.rules.registry import rule
from clusters.config.syntax import address_of, did_you_mean, network_of
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_PATH = "spec.controlPlaneEndpoint"


def _addresses(document: Document) -> dict[str, str]:
    """Address -> machine."""
    return {
        address: host.name for host in document.hosts for address in (host.address, *host.node_addresses) if address
    }


@rule
def load_balancer(document: Document) -> Iterator[Finding]:
    """The internal load balancer is a known one."""
    text, path = document.control_plane_endpoint.internal_loadbalancer, f"{_PATH}.internalLoadbalancer"
    if text and text not in names():
        yield error(
            "endpoint.load_balancer_unknown",
            path,
            f"{excerpt(text)} is not an internal load balancer.",
            hint=did_you_mean(text, names()),
            found=excerpt(text),
            allowed=", ".join(names()),
        )


@rule(waivable=True)
def something_before_several(document: Document) -> Iterator[Finding]:
    """Two or more control planes have a load balancer, a virtual address or custom DNS."""
    endpoint, masters = document.control_plane_endpoint, topology.members(document, "master")
    if len(masters) < 2 or endpoint.internal_loadbalancer or endpoint.external_dns:
        return
    address = endpoint.address if endpoint.address != "127.0.0.1" else ""
    if address and address not in _addresses(document):
        return
    leads = topology.endpoint_address(document)
    yield error(
        "endpoint.no_load_balancer",
        f"{_PATH}.address",
        f"{len(masters)} control planes, but the endpoint leads only to {leads}: if it fails, the API is down.",
        hint=f"Set internalLoadbalancer to {choices('internalLoadbalancer')}, or enter a load balancer's address.",
        hosts=tuple(host.name for host in masters),
        found=address or "nothing",
        allowed="a load balancer's address, internalLoadbalancer, or externalDNS",
    )


@rule
def virtual_address(document: Document) -> Iterator[Finding]:
    """The virtual address of the control planes does not belong to a machine."""
    endpoint, path = document.control_plane_endpoint, f"{_PATH}.address"
    kind = endpoint.internal_loadbalancer
    if not has_virtual_address(document):
        return
    allowed = "a free address in the machines' network"
    owner = _addresses(document).get(endpoint.address)
    if endpoint.address in ("", "127.0.0.1"):
        message = f"{kind} needs a virtual address, but none is set."
        hint = "Enter a free address in the control planes' network."
        yield error("endpoint.vip_missing", path, message, hint=hint, found="nothing", allowed=allowed)
    elif owner is not None:
        message = f"{endpoint.address} is the address of {owner}; the virtual address must not belong to a machine."
        hint = "Enter a free address in the control planes' network."
        yield error(
            "endpoint.vip_is_node",
            path,
            message,
            hint=hint,
            hosts=(owner,),
            found=endpoint.address,
            allowed=allowed,
        )


for _balancer in load_balancers():
    for _rule in _balancer.rules:
        rule(_rule)


@rule
def ipvs_and_virtual_address(document: Document) -> Iterator[Finding]:
    """kube-proxy in ipvs mode does not remove the virtual address. Source: KubeKey's issue 1702."""
    endpoint, kubernetes = document.control_plane_endpoint, document.kubernetes
    address = address_of(endpoint.address)
    mode = mode_in(document)
    is_ipvs = mode is not None and mode.mode == "ipvs"
    if has_virtual_address(document) and is_ipvs and address is not None:
        ipvs = kubernetes.kube_proxy_configuration.get("ipvs")
        excluded = ipvs.get("excludeCIDRs") if isinstance(ipvs, dict) else None
        networks = [network_of(str(each)) for each in excluded] if isinstance(excluded, list) else []
        if excluded is not None and not any(each is not None and address in each for each in networks):
            message = "excludeCIDRs replaces Slipway's list, so kube-proxy may remove the virtual address."
            hint = f"Add {endpoint.address}/{address.max_prefixlen} to it."
            path = "spec.kubernetes.kubeProxyConfiguration.ipvs.excludeCIDRs"
            yield warning("endpoint.vip_ipvs", path, message, hint=hint, found=excerpt(str(excluded)))


@rule
def external_dns(document: Document) -> Iterator[Finding]:
    """With external DNS the address comes from DNS."""
    endpoint = document.control_plane_endpoint
    if endpoint.external_dns and endpoint.address:
        yield error(
            "endpoint.external_dns_address",
            f"{_PATH}.address",
            "With externalDNS the endpoint's address comes from DNS, so it must not be set here.",
            hint="Remove the address or externalDNS.",
            found=endpoint.address,
            allowed="nothing",
        )


@rule
def one_is_enough(document: Document) -> Iterator[Finding]:
    """Note that a load balancer for one control plane has no use yet."""
    endpoint = document.control_plane_endpoint
    if load_balancer_of(document) is not None and len(topology.members(document, "master")) == 1:
        message = f"{endpoint.internal_loadbalancer} has only one control plane behind it."
        hint = "It makes adding control planes easier later."
        yield info("endpoint.balancer_for_one", f"{_PATH}.internalLoadbalancer", message, hint=hint)
