"""The network plugin "kube-router": its options, its release and the rule on them. No KubeKey has it.

2.1.0 is the newest release that the Go module proxy serves. It watches `discovery.k8s.io/v1` from its start, which API
servers have from 1.21 on. Source: its go.mod, `pkg/cmd/kube-router.go` and `pkg/options/options.go` at that tag.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.finding import error, warning
from clusters.config.keys import OURS, Model, Text, key
from clusters.config.plugins import NetworkPlugin, Release
from clusters.config.syntax import did_you_mean
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_PATH = "spec.network.kube-router"

OVERLAY_TYPES = ("subnet", "full")
ENCAPSULATIONS = ("ipip", "fou")
BGP_PORT, HEALTH_PORT, GRPC_PORT = 179, 20244, 50051
"""Ports that it opens on every node; the last is gobgp's own interface."""
PRIVATE_ASNS = ((64512, 65535), (4200000000, 4294967294))
SMALLEST_MTU = {4: 68, 6: 1280}


class KubeRouter(Model):
    """kube-router's options; each is one of its flags."""

    enable_overlay: bool = key(True, "Tunnels to nodes of other subnets.", since=OURS)
    overlay_type: Text = key(
        "subnet", "Which nodes get a tunnel: of other subnets, or all.", choices=OVERLAY_TYPES, since=OURS
    )
    overlay_encap: Text = key("ipip", "How tunnels wrap packets.", choices=ENCAPSULATIONS, since=OURS)
    overlay_encap_port: int = key(5555, "UDP port of tunnels with fou.", since=OURS)
    nodes_full_mesh: bool = key(True, "Every node is a BGP peer of every other.", since=OURS)
    cluster_asn: int = key(64512, "Private AS number of all nodes.", since=OURS)
    bgp_graceful_restart: bool = key(True, "Routes stay while the daemon restarts.", since=OURS)
    enable_pod_egress: bool = key(True, "Hide pods' addresses outside.", since=OURS)
    run_firewall: bool = key(True, "Network policies.", since=OURS)
    mtu: int = key(0, "MTU of the pods' interfaces; 0 finds it out.", since=OURS)
    metrics_port: int = key(0, "TCP port of metrics on every node; 0 is none.", since=OURS)


def kube_router(document: Document) -> Iterator[Finding]:
    """kube-router's tunnels, ports, AS number and MTU are ones it takes."""
    section = document.network.kube_router
    yield from _words(section)
    yield from _numbers(section, 6 if "," in document.network.kube_pods_cidr else 4)
    if not section.enable_overlay and (section.overlay_type, section.overlay_encap) != ("subnet", "ipip"):
        message = "Without tunnels, overlayType and overlayEncap have no effect."
        yield warning("kube_router.no_overlay", f"{_PATH}.enableOverlay", message, found="false", allowed="true")
    if not section.nodes_full_mesh:
        message = "Without nodesFullMesh kube-router waits until every node has an annotation with its AS number."
        hint = f"Run kubectl annotate node NAME kube-router.io/node.asn={section.cluster_asn} for each node."
        path = f"{_PATH}.nodesFullMesh"
        yield warning("kube_router.mesh", path, message, hint=hint, found="false", allowed="true")


def _words(section: KubeRouter) -> Iterator[Finding]:
    for word, text, known in (
        ("overlayType", section.overlay_type, OVERLAY_TYPES),
        ("overlayEncap", section.overlay_encap, ENCAPSULATIONS),
    ):
        if text not in known:
            message, hint = f"kube-router has no {word} {excerpt(text)}.", did_you_mean(text, known)
            found, allowed = excerpt(text), ", ".join(known)
            yield error("kube_router.overlay", f"{_PATH}.{word}", message, hint=hint, found=found, allowed=allowed)


def _numbers(section: KubeRouter, family: int) -> Iterator[Finding]:
    if not any(first <= section.cluster_asn <= last for first, last in PRIVATE_ASNS):
        found, allowed = str(section.cluster_asn), " or ".join(f"{first} to {last}" for first, last in PRIVATE_ASNS)
        message = f"kube-router takes a private AS number, and {found} is none."
        yield error("kube_router.asn", f"{_PATH}.clusterAsn", message, found=found, allowed=allowed)
    smallest = SMALLEST_MTU[family]
    if section.mtu and not smallest <= section.mtu <= 65535:
        message, allowed = f"Pods cannot have an MTU of {section.mtu}.", f"0, or {smallest} to 65535"
        hint = "Leave it at 0: kube-router finds it out."
        yield error("kube_router.mtu", f"{_PATH}.mtu", message, hint=hint, found=str(section.mtu), allowed=allowed)
    for word, port, taken in (
        ("overlayEncapPort", section.overlay_encap_port, ()),
        ("metricsPort", section.metrics_port, (BGP_PORT, HEALTH_PORT, GRPC_PORT)),
    ):
        # From 65535 on kube-router leaves its metrics off without an error.
        if port in taken or not (1 <= port < 65535 or (word == "metricsPort" and port == 0)):
            message = f"kube-router cannot have {word} {port}."
            besides = f" except {', '.join(map(str, taken))}" if taken else ""
            allowed = f"1 to 65534{besides}"
            yield error("kube_router.port", f"{_PATH}.{word}", message, found=str(port), allowed=allowed)


PLUGIN = NetworkPlugin(
    "kube-router",
    "kube-router",
    55,
    section=KubeRouter,
    releases=(Release("v2.1.0", 21, 37),),
    instead="Write its flags into the DaemonSet that you apply after KubeKey 4, with cni.type other.",
    modules=("ip_set", "ipip", "ip6_tunnel", "fou", "fou6"),
    rules=(kube_router,),
)
