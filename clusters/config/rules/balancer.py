"""Rules on the load balancer of several control planes: haproxy, a virtual address, your own balancer or DNS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config import topology
from clusters.config.component_settings.proxy_mode import mode_in
from clusters.config.finding import error, info, warning
from clusters.config.rules.notbuilt import choices
from clusters.config.rules.registry import rule
from clusters.config.sections.endpoint import LOAD_BALANCERS, VIP_MODES, VIRTUAL, KubeVip
from clusters.config.syntax import address_of, did_you_mean, network_of
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_PATH = "spec.controlPlaneEndpoint"
LARGEST_AS = 4_294_967_295
"""Autonomous systems have 32 bits. Source: RFC 6793."""


def _addresses(document: Document) -> dict[str, str]:
    """Address -> machine."""
    return {
        address: host.name for host in document.hosts for address in (host.address, *host.node_addresses) if address
    }


@rule
def load_balancer(document: Document) -> Iterator[Finding]:
    """The internal load balancer is a known one."""
    text, path = document.control_plane_endpoint.internal_loadbalancer, f"{_PATH}.internalLoadbalancer"
    if text and text not in LOAD_BALANCERS:
        yield error(
            "endpoint.load_balancer_unknown",
            path,
            f"{excerpt(text)} is not an internal load balancer.",
            hint=did_you_mean(text, LOAD_BALANCERS),
            found=excerpt(text),
            allowed=", ".join(LOAD_BALANCERS),
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
def haproxy(document: Document) -> Iterator[Finding]:
    """haproxy runs on every node, so it has no single address."""
    endpoint = document.control_plane_endpoint
    if endpoint.internal_loadbalancer == "haproxy" and endpoint.address not in ("", "127.0.0.1"):
        yield error(
            "endpoint.haproxy_address",
            f"{_PATH}.address",
            f"With haproxy every node is its own load balancer, so the address {endpoint.address} has no effect.",
            hint="Remove the address or internalLoadbalancer.",
            found=endpoint.address,
            allowed="nothing",
        )


@rule
def virtual_address(document: Document) -> Iterator[Finding]:
    """The virtual address of the control planes does not belong to a machine."""
    endpoint, path = document.control_plane_endpoint, f"{_PATH}.address"
    kind = endpoint.internal_loadbalancer
    if kind not in VIRTUAL:
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


@rule
def kube_vip(document: Document) -> Iterator[Finding]:
    """kube-vip has a mode to announce its address; its options are set only if it is used."""
    endpoint = document.control_plane_endpoint
    if endpoint.internal_loadbalancer != "kube-vip":
        if endpoint.kubevip != KubeVip():
            message = "The options below kubevip have an effect only with internalLoadbalancer: kube-vip."
            yield warning("endpoint.vip_unused", f"{_PATH}.kubevip", message)
        return
    mode = endpoint.kubevip.mode
    if mode not in VIP_MODES:
        message = f"{excerpt(mode)} is not a mode of kube-vip."
        hint = did_you_mean(mode.upper(), VIP_MODES)
        at = f"{_PATH}.kubevip.mode"
        allowed = ", ".join(VIP_MODES)
        yield error("endpoint.vip_mode", at, message, hint=hint, found=excerpt(mode), allowed=allowed)
    elif mode == "BGP":
        yield from _peers(endpoint.kubevip)


def _peers(kubevip: KubeVip) -> Iterator[Finding]:
    """BGP has peers, each with an address and an autonomous system."""
    path = f"{_PATH}.kubevip.peers"
    if not kubevip.peers:
        message = "In BGP mode, kube-vip announces the virtual address to routers, but no peer is set."
        hint = "Add peers, like peers: [{address: 10.1.2.1, as: 65001}]."
        yield error("endpoint.bgp_no_peer", path, message, hint=hint, found="none", allowed="at least 1")
    for at, number in (
        (f"{_PATH}.kubevip.localAS", kubevip.local_as),
        *((f"{path}.{index}.as", peer.peer_as) for index, peer in enumerate(kubevip.peers)),
    ):
        if not 1 <= number <= LARGEST_AS:
            message = f"{number} is not an autonomous system number."
            yield error("endpoint.bgp_as", at, message, found=str(number), allowed=f"1 to {LARGEST_AS}")
    for index, peer in enumerate(kubevip.peers):
        if address_of(peer.address) is None:
            message = f"{excerpt(peer.address)} is not an IP address of a router."
            at = f"{path}.{index}.address"
            yield error("endpoint.bgp_peer", at, message, found=excerpt(peer.address), allowed="an IP address")
        if peer.password is not None and set(peer.password.reveal()) & set(",:"):
            message = "kube-vip does not support a comma or a colon in a BGP password."
            at = f"{path}.{index}.password"
            yield error("endpoint.bgp_password", at, message, found="a comma or a colon", allowed="other characters")


@rule
def ipvs_and_virtual_address(document: Document) -> Iterator[Finding]:
    """kube-proxy in ipvs mode does not remove the virtual address. Source: KubeKey's issue 1702."""
    endpoint, kubernetes = document.control_plane_endpoint, document.kubernetes
    address = address_of(endpoint.address)
    mode = mode_in(document)
    is_ipvs = mode is not None and mode.mode == "ipvs"
    if endpoint.internal_loadbalancer in VIRTUAL and is_ipvs and address is not None:
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
    if endpoint.internal_loadbalancer in LOAD_BALANCERS and len(topology.members(document, "master")) == 1:
        message = f"{endpoint.internal_loadbalancer} has only one control plane behind it."
        hint = "It makes adding control planes easier later."
        yield info("endpoint.balancer_for_one", f"{_PATH}.internalLoadbalancer", message, hint=hint)
