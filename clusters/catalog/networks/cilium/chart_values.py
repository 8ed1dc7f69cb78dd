"""The values of Cilium's chart that depend on the document alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.networks.cilium.parts import without_digests
from clusters.catalog.plugins import pod_networks
from clusters.config.kubernetes_versions import parse_version
from clusters.config.plugins import plugin_version

if TYPE_CHECKING:
    from clusters.catalog.networks.cilium.parts import Values
    from clusters.config.schema import Document

NAME = "cilium"


def minor(document: Document) -> int:
    """The minor of the document's Cilium 1."""
    return parse_version(plugin_version(NAME, document.kubernetes.version)).minor


def settings(document: Document) -> Values:
    """The values that depend on the document alone, including its own.

    Each node uses the addresses that the control plane assigns to it. Hubble and a separate Envoy are off: they need
    additional certificates and images. Images are named by tag, so that other registries can serve them. Pods read
    their settings when they start, so changed settings have to restart them.
    """
    ipv4, ipv6 = pod_networks(document)
    result: Values = {
        "ipam": {"mode": "kubernetes"},
        "k8s": {"requireIPv4PodCIDR": bool(ipv4), "requireIPv6PodCIDR": bool(ipv6)},
        "ipv4": {"enabled": bool(ipv4)},
        "ipv6": {"enabled": bool(ipv6)},
        "kubeProxyReplacement": document.kubernetes.disable_kube_proxy,
        "hubble": {"enabled": False, "relay": {"rollOutPods": True}, "ui": {"rollOutPods": True}},
        "envoy": {"enabled": False, "rollOutPods": True},
        "rollOutCiliumPods": True,
        "operator": {"rollOutPods": True},
    }
    return over(over(result, without_digests()), document.network.cilium)


def over(below: Values, above: Values) -> Values:
    """Both merged: mappings are joined, for all other values `above` wins."""
    joined = dict(below)
    for key, value in above.items():
        known = joined.get(key)
        joined[key] = over(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return joined
