"""The network plugin "cilium": the project's chart, with values that follow from the document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.catalog.charts import Chart
from clusters.catalog.manifests import applied
from clusters.catalog.plugins import AFTER, node_count, nodes_ready, plugin, pod_networks, settled
from clusters.catalog.rollout import rolled_out
from clusters.config.pluginversions import plugin_version
from clusters.config.versions import parse_version
from clusters.engine.step import step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

NAME = "cilium"
NAMESPACE = "kube-system"

OLDEST_KERNEL = {14: (4, 19), 15: (4, 19), 16: (5, 4), 17: (5, 4), 18: (5, 10), 19: (5, 10), 20: (5, 10)}
"""Minor of Cilium 1 -> the oldest kernel. Source: the system requirements of each release's documentation."""


def images(document: Document) -> tuple[str, ...]:
    """The agent and the operator."""
    version = plugin_version(NAME, document.kubernetes.version)
    return (f"quay.io/cilium/cilium:{version}", f"quay.io/cilium/operator-generic:{version}")


PLUGIN = plugin(NAME, images)


def oldest_kernel(document: Document) -> tuple[int, int]:
    """The oldest kernel that this document's Cilium runs on."""
    return OLDEST_KERNEL[parse_version(plugin_version(NAME, document.kubernetes.version)).minor]


@step(
    "network/cilium",
    on="first-control-plane",
    needs_all=AFTER,
    when=PLUGIN.chosen,
    timeout=900,
    expected=60,
)
def cilium(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Connect pods with Cilium"""
    chart = Chart(NAME, machine, cluster, values(cluster))
    yield from chart.wants(machine)
    yield applied(NAME, lambda here: settled(cluster.document, chart.objects(here)), fingerprint=chart.fingerprint)
    yield rolled_out("deployment", NAMESPACE, "cilium-operator")
    yield rolled_out("daemonset", NAMESPACE, "cilium")
    yield nodes_ready(cluster)


def values(cluster: Cluster) -> dict[str, Any]:
    """The chart's values; what the document has in `network.cilium` is put over them.

    Addresses are those that the control plane gives each node. Hubble and a separate Envoy are off: they bring
    certificates and images that nobody asked for; images are named by tag, so that other registries may serve them.
    """
    document = cluster.document
    ipv4, ipv6 = pod_networks(document)
    made: dict[str, Any] = {
        "ipam": {"mode": "kubernetes"},
        "k8s": {"requireIPv4PodCIDR": bool(ipv4), "requireIPv6PodCIDR": bool(ipv6)},
        "ipv4": {"enabled": bool(ipv4)},
        "ipv6": {"enabled": bool(ipv6)},
        "kubeProxyReplacement": document.kubernetes.disable_kube_proxy,
        "hubble": {"enabled": False},
        "envoy": {"enabled": False},
        "image": {"useDigest": False},
        # Two of them do not go onto one node.
        "operator": {"replicas": min(2, node_count(cluster)), "image": {"useDigest": False}},
    }
    if document.kubernetes.disable_kube_proxy:
        # Without kube-proxy nobody but Cilium makes the API server's service address lead anywhere.
        endpoint = document.control_plane_endpoint
        made |= {"k8sServiceHost": cluster.endpoint, "k8sServicePort": endpoint.port}
    return _over(made, document.network.cilium)


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Both, where mappings are joined and everything else of `above` counts."""
    joined = dict(below)
    for key, value in above.items():
        known = joined.get(key)
        joined[key] = _over(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return joined
