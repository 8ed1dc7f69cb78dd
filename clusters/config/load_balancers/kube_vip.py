"""The load balancer "kube-vip": a pod on each control plane shares a virtual address; its options and their rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.finding import error, warning
from clusters.config.keys import OURS, GivenSecret, Model, Text, key
from clusters.config.load_balancers import LoadBalancer
from clusters.config.plugins import KUBEKEY_1, KUBEKEY_3, KUBEKEY_4
from clusters.config.syntax import address_of, did_you_mean
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_PATH = "spec.controlPlaneEndpoint.kubevip"
VIP_MODES = ("ARP", "BGP")
LARGEST_AS = 4_294_967_295
"""Autonomous systems have 32 bits. Source: RFC 6793."""


class BgpPeer(Model):
    """A router to which kube-vip announces the virtual address."""

    address: Text = key("", "The router's address.", since=OURS)
    peer_as: int = key(0, "The router's autonomous system.", alias="as", since=OURS)
    password: GivenSecret = key(None, "Password of the session (TCP MD5), if it has one.", since=OURS)
    multihop: bool = key(False, "The router is not in the machines' network.", since=OURS)


class KubeVip(Model):
    """How kube-vip announces the virtual address."""

    mode: Text = key("ARP", "ARP or BGP.", since="2.3", choices=VIP_MODES)
    interface: Text = key(
        "", "Network interface of the address; detected by the machine's address if empty.", since=OURS
    )
    local_as: int = key(65000, "BGP: the machines' autonomous system.", alias="localAS", since=OURS)
    peers: tuple[BgpPeer, ...] = key((), "BGP: the routers; KubeKey uses the control planes as peers.", since=OURS)


def kube_vip(document: Document) -> Iterator[Finding]:
    """kube-vip has a mode to announce its address; its options are set only if it is used."""
    endpoint = document.control_plane_endpoint
    if endpoint.internal_loadbalancer != "kube-vip":
        if endpoint.kubevip != KubeVip():
            message = "The options below kubevip have an effect only with internalLoadbalancer: kube-vip."
            yield warning("endpoint.vip_unused", _PATH, message)
        return
    mode = endpoint.kubevip.mode
    if mode not in VIP_MODES:
        message = f"{excerpt(mode)} is not a mode of kube-vip."
        hint = did_you_mean(mode.upper(), VIP_MODES)
        at = f"{_PATH}.mode"
        allowed = ", ".join(VIP_MODES)
        yield error("endpoint.vip_mode", at, message, hint=hint, found=excerpt(mode), allowed=allowed)
    elif mode == "BGP":
        yield from _peers(endpoint.kubevip)


def _peers(kubevip: KubeVip) -> Iterator[Finding]:
    """BGP has peers, each with an address and an autonomous system."""
    path = f"{_PATH}.peers"
    if not kubevip.peers:
        message = "In BGP mode, kube-vip announces the virtual address to routers, but no peer is set."
        hint = "Add peers, like peers: [{address: 10.1.2.1, as: 65001}]."
        yield error("endpoint.bgp_no_peer", path, message, hint=hint, found="none", allowed="at least 1")
    for at, number in (
        (f"{_PATH}.localAS", kubevip.local_as),
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


LOAD_BALANCER = LoadBalancer(
    "kube-vip",
    "kube-vip",
    "A virtual address moves between the control planes, managed by a pod on each.",
    20,
    virtual=True,
    in_pods=True,
    dialects=(KUBEKEY_1, KUBEKEY_3, KUBEKEY_4),
    section=KubeVip,
    key="kubevip",
    v4_section="kube_vip",
    v4_options=("mode",),
    rules=(kube_vip,),
)
