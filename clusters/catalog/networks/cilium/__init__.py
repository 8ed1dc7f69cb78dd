"""The network plugin "cilium": the project's chart, with values that follow from the document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.charts import Chart
from clusters.catalog.components import Component
from clusters.catalog.load_balancers.name import LOOPBACK
from clusters.catalog.manifests import applied_objects
from clusters.catalog.networks.cilium.chart_values import NAME, over, settings
from clusters.catalog.networks.cilium.needs import HEALTH, needs, sends_directly
from clusters.catalog.networks.cilium.parts import images_of
from clusters.catalog.plugins import AFTER, Between, Plugin, adapt_objects, node_count, nodes_ready
from clusters.catalog.rollout import rollout_of
from clusters.config.load_balancers import has_proxies
from clusters.config.plugins import plugin_version
from clusters.engine.step import step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.catalog.networks.cilium.parts import Values
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

COMPONENT = Component(
    NAME,
    lambda facts: plugin_version(NAME, str(facts.version)),
    "https://helm.cilium.io",
    "cilium/{version}",
    ("cilium-{plain}.tgz",),
    kind="chart",
    pins={
        "v1.14.19/cilium-1.14.19.tgz": "fc402d6f21ad6bb203e050c86bf96bdb894e6349a90d310594f8e57b037bc697",
        "v1.15.19/cilium-1.15.19.tgz": "fd1c33af55d62c0954fe302d603295cf6aead24b715e92ee75b7be06c5a8b591",
        "v1.17.18/cilium-1.17.18.tgz": "6a9a929a4bfa7a7cbb1fbb429514dde61fdf70622aac3adfd0bed8a4b09e34e9",
        "v1.19.6/cilium-1.19.6.tgz": "21c43cf53841f9ab0375047d95aa4c64051ea52bbd2c679416e6408f5f1c9179",
        "v1.20.0/cilium-1.20.0.tgz": "c5f013912360d1a334f44ef25f36da59ba3414cdb48f466ee12d0c4fdff27883",
    },
)
"""The SHA-256 are the `digest` in the `index.yaml` of its repository, compared with the archives themselves."""

NAMESPACE = "kube-system"


def images(document: Document) -> tuple[str, ...]:
    """The agent and the operator, and what else `network.cilium` switches on."""
    return images_of(settings(document), plugin_version(NAME, document.kubernetes.version))


PLUGIN = Plugin(
    NAME,
    images=images,
    component=COMPONENT,
    needs=needs,
    between=lambda document: Between(nodes=(HEALTH,)),
    sends_directly=sends_directly,
    interfaces=("cilium", "lxc"),
)


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
    yield applied_objects(
        NAME, lambda here: adapt_objects(cluster.document, chart.objects(here)), fingerprint=chart.fingerprint
    )
    yield rollout_of("deployment", NAMESPACE, "cilium-operator")
    yield rollout_of("daemonset", NAMESPACE, "cilium")
    yield nodes_ready(cluster)


def values(cluster: Cluster) -> Values:
    """The chart's values; the document's `network.cilium` overrides them."""
    document = cluster.document
    # Two operators do not run on the same node.
    result: Values = {"operator": {"replicas": min(2, node_count(cluster))}}
    if document.kubernetes.disable_kube_proxy:
        # Without kube-proxy, the API server's service address works only once Cilium runs.
        result |= {"k8sServiceHost": _api_server(cluster), "k8sServicePort": document.control_plane_endpoint.port}
    return over(result, settings(document))


def _api_server(cluster: Cluster) -> str:
    """Where every node reaches an API server without a service. By address, since a pod's /etc/hosts is a copy."""
    if has_proxies(cluster.document):
        # On a control plane the API server listens there, on a worker the proxy.
        return LOOPBACK
    endpoint = cluster.document.control_plane_endpoint
    return endpoint.domain if endpoint.external_dns else cluster.endpoint
