"""The network plugin "cilium": the project's chart, with values that follow from the document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.charts import Chart
from clusters.catalog.ciliumparts import images_of, without_digests
from clusters.catalog.load_balancers.name import LOOPBACK
from clusters.catalog.manifests import applied
from clusters.catalog.plugins import AFTER, node_count, nodes_ready, plugin, pod_networks, settled
from clusters.catalog.rollout import rolled_out
from clusters.config.plugins import plugin_version
from clusters.config.topology import load_balancer
from clusters.config.versions import parse_version
from clusters.engine.step import step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.catalog.ciliumparts import Values
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

NAME = "cilium"
NAMESPACE = "kube-system"

OLDEST_KERNEL = {14: (4, 19), 15: (4, 19), 17: (5, 4), 19: (5, 10), 20: (5, 10)}
"""Minor of Cilium 1 -> the oldest kernel. Source: "System Requirements" in each release's documentation. 1.14 and 1.15
say 4.19.57; which patch a distribution's 4.19 has is not to be seen in its name."""

OLDEST_EL8 = {14: 80, 15: 80, 17: 372, 19: 553, 20: 553}
"""The same for the kernel 4.18.0 of RHEL 8, by its build: the documentation takes it as equivalent, from 8.6 on for
1.17 and from 8.10 on for 1.18 and later. Source of the builds: Red Hat's table of kernels."""


def images(document: Document) -> tuple[str, ...]:
    """The agent and the operator, and what else `network.cilium` switches on."""
    return images_of(settings(document), plugin_version(NAME, document.kubernetes.version))


PLUGIN = plugin(NAME, images)


def minor(document: Document) -> int:
    """The minor of the document's Cilium 1."""
    return parse_version(plugin_version(NAME, document.kubernetes.version)).minor


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


def values(cluster: Cluster) -> Values:
    """The chart's values; what the document has in `network.cilium` is put over them."""
    document = cluster.document
    # Two of them do not go onto one node.
    made: Values = {"operator": {"replicas": min(2, node_count(cluster))}}
    if document.kubernetes.disable_kube_proxy:
        # Without kube-proxy nobody but Cilium makes the API server's service address lead anywhere.
        made |= {"k8sServiceHost": _api_server(cluster), "k8sServicePort": document.control_plane_endpoint.port}
    return _over(made, settings(document))


def _api_server(cluster: Cluster) -> str:
    """Where every node reaches an API server without a service. By address, since a pod's /etc/hosts is a copy."""
    if load_balancer(cluster.document) == "haproxy":
        # A control plane listens there itself, a worker's proxy does.
        return LOOPBACK
    endpoint = cluster.document.control_plane_endpoint
    return endpoint.domain if endpoint.external_dns else cluster.endpoint


def settings(document: Document) -> Values:
    """The values that the document alone decides, its own among them.

    Addresses are those that the control plane gives each node. Hubble and a separate Envoy are off: they bring
    certificates and images that nobody asked for; images are named by tag, so that other registries may serve them.
    Pods read their settings when they start, so other settings have to start them anew.
    """
    ipv4, ipv6 = pod_networks(document)
    made: Values = {
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
    return _over(_over(made, without_digests()), document.network.cilium)


def _over(below: Values, above: Values) -> Values:
    """Both, where mappings are joined and everything else of `above` counts."""
    joined = dict(below)
    for key, value in above.items():
        known = joined.get(key)
        joined[key] = _over(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return joined
