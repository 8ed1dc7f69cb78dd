"""The network plugin "hybridnet": the project's chart, then the networks that the document lists.

Sources of the ports that its pods open in a node's own network: the pods that helm renders from the pinned chart; for
what these do not name, the flags of its programs (`cmd/`, `pkg/daemon/config`) and `policy/policyinit.sh` at v0.8.8.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from clusters.catalog.charts import Chart
from clusters.catalog.components import Component
from clusters.catalog.manifests import applied_objects
from clusters.catalog.networks.needs import LINUX_VXLAN, TYPHA
from clusters.catalog.plugins import AFTER, Needs, Plugin, adapt_objects, nodes_ready, pod_networks
from clusters.catalog.rollout import rollout_of
from clusters.config.kubernetes_versions import facts_of
from clusters.config.plugins import plugin_version
from clusters.config.topology import names
from clusters.engine.step import step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.catalog.manifests import Object
    from clusters.config.plugins.hybridnet import HybridnetNetwork, HybridnetSubnet
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

NAME = "hybridnet"
COMPONENT = Component(
    NAME,
    lambda facts: plugin_version(NAME, str(facts.version)),
    "https://github.com/alibaba/hybridnet/releases/download/helm-chart-{plain}",
    "hybridnet/{version}",
    ("hybridnet-{plain}.tgz",),
    kind="chart",
    pins={
        "v0.6.8/hybridnet-0.6.8.tgz": "e95f774828dd482be37035150678af62f6c157db979b4ff3ad1291548d276823",
    },
)
"""The SHA-256 is the `digest` in the `index.yaml` of its repository. It was not compared with the archive: only the
chart at its tag was available."""

NAMESPACE = "kube-system"
API = "networking.alibaba.com/v1"
IMAGE = "docker.io/hybridnetdev/hybridnet:v0.8.8"
"""The image of chart 0.6.8. Source: its values."""

INIT_NET_ID = 4
"""The VXLAN number of the first network. Source: the chart's own default."""

MOST_COPIES = 3


def images(document: Document) -> tuple[str, ...]:
    """All of its programs are in one image."""
    return (IMAGE,)


def needs(document: Document, machine: str) -> Needs:
    """What the plugin needs of the machine of that name."""
    control_plane = machine in names(document, "master")
    policies = document.network.hybridnet.enable_network_policy
    return Needs(
        tcp=(11021, *((9898, 9899) if control_plane else ()), *((9099, *TYPHA) if policies else ())),
        udp=(LINUX_VXLAN,),
        modules=("vxlan",),
    )


PLUGIN = Plugin(
    NAME,
    images=images,
    component=COMPONENT,
    needs=needs,
    runs_felix=lambda document: document.network.hybridnet.enable_network_policy,
)


@step(
    "network/hybridnet",
    on="first-control-plane",
    needs_all=AFTER,
    when=PLUGIN.chosen,
    timeout=1200,
    expected=90,
)
def hybridnet(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Connect pods with Hybridnet"""
    chart = Chart(NAME, machine, cluster, values(cluster))
    yield from chart.wants(machine)
    yield applied_objects(
        NAME, lambda here: adapt_objects(cluster.document, chart.objects(here)), fingerprint=chart.fingerprint
    )
    # The API server calls its webhook for every network, so it must answer first.
    yield rollout_of("deployment", NAMESPACE, "hybridnet-webhook")
    yield rollout_of("deployment", NAMESPACE, "hybridnet-manager")
    networks = objects(cluster.document)
    if networks:
        yield applied_objects("hybridnet-networks", lambda here: networks)
    yield rollout_of("daemonset", NAMESPACE, "hybridnet-daemon")
    yield nodes_ready(cluster)


def values(cluster: Cluster) -> dict[str, Any]:
    """The chart's values. Its own first network is left out (`init` of null): `objects` makes it."""
    document = cluster.document
    options = document.network.hybridnet
    copies = min(MOST_COPIES, len(cluster.members("master")))
    # The chart's default is the label that 1.24 removed.
    where = {facts_of(document.kubernetes.version).control_plane_labels[-1]: ""}
    return {
        "init": None,
        "defaultNetworkType": options.default_network_type,
        "manager": {"replicas": copies, "nodeSelector": where},
        "webhook": {"replicas": copies, "nodeSelector": where},
        "typha": {"replicas": copies, "nodeSelector": {"kubernetes.io/os": "linux"}},
        "daemon": {
            "enableFelixPolicy": options.enable_network_policy,
            "preferVxlanInterfaces": options.prefer_vxlan_interfaces,
            "preferVlanInterfaces": options.prefer_vlan_interfaces,
            "preferBGPInterfaces": options.prefer_bgp_interfaces,
        },
    }


def objects(document: Document) -> list[Object]:
    """The first network, an overlay of the pods' network, unless `init` is off; and the document's networks."""
    options = document.network.hybridnet
    result: list[Object] = []
    if options.init:
        result.append(_object("Network", "init", {"netID": INIT_NET_ID, "type": "Overlay"}))
        pods = {"cidr": pod_networks(document)[0], "version": "4"}
        result.append(
            _object("Subnet", "init", {"network": "init", "range": pods, "config": {"autoNatOutgoing": True}})
        )
    for network in options.networks:
        result.append(_network(network))
        result += [_subnet(network, each) for each in network.subnets]
    return result


def _network(network: HybridnetNetwork) -> Object:
    spec: dict[str, Any] = {"netID": network.net_id, "type": network.type, "mode": network.mode}
    spec["nodeSelector"] = dict(network.node_selector)
    return _object("Network", network.name, spec)


def _subnet(network: HybridnetNetwork, subnet: HybridnetSubnet) -> Object:
    inside = {
        "version": str(ipaddress.ip_network(subnet.cidr, strict=False).version),
        "cidr": subnet.cidr,
        "gateway": subnet.gateway,
        "start": subnet.start,
        "end": subnet.end,
        "reservedIPs": list(subnet.reserved_ips),
        "excludeIPs": list(subnet.exclude_ips),
    }
    return _object(
        "Subnet", subnet.name, {"network": network.name, "netID": subnet.net_id, "range": _without_empty(inside)}
    )


def _object(kind: str, name: str, spec: dict[str, Any]) -> Object:
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name}, "spec": _without_empty(spec)}


def _without_empty(values: dict[str, Any]) -> dict[str, Any]:
    """The values without empty ones; the number 0 is not empty."""
    return {key: value for key, value in values.items() if value not in (None, "", [], {})}
