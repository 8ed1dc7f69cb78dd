"""The network plugin "kubeovn": Kube-OVN's chart, with the document's options as its values."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from clusters.catalog.charts import Chart
from clusters.catalog.components import Component
from clusters.catalog.manifests import applied_objects
from clusters.catalog.networks.kubeovn.needs import between, database_label, has_database, needs
from clusters.catalog.plugins import (
    AFTER,
    Plugin,
    adapt_objects,
    image_of,
    nodes_ready,
    pod_networks,
    pod_specs,
    service_networks,
)
from clusters.catalog.rollout import rollout_of
from clusters.config.plugins import plugin_version
from clusters.config.syntax import parts_of
from clusters.engine.step import step
from clusters.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.catalog.manifests import Object
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

NAME = "kubeovn"
COMPONENT = Component(
    NAME,
    lambda facts: plugin_version(NAME, str(facts.version)),
    "https://kubeovn.github.io/kube-ovn",
    "kubeovn/{version}",
    ("kube-ovn-{version}.tgz",),
    kind="chart",
    pins={
        "v1.13.15/kube-ovn-v1.13.15.tgz": "a89e6374c89a3d9d1dab9ebb2219d8759eccd769ff99f775724596c2ea60f75a",
        "v1.15.24/kube-ovn-v1.15.24.tgz": "585124ea50b23d3216bd47f9b1df48a6d026e4954f2177609f191c2231b561b1",
    },
)
"""The SHA-256 are the `digest` in the `index.yaml` of its repository, compared with the archives themselves."""

NAMESPACE = "kube-system"
NAT_CONFIG = "ovn-vpc-nat-config"
"""Names the image for gateways of virtual networks. No node has it before somebody creates one."""

IMAGE_FLAG = "--image="
"""The controller's flag (from 1.15 on) for the image of egress gateways."""

JOIN_IPV6 = "fd00:100:64::/112"
"""The network between nodes and pods for IPv6, which has no key in the document. Source: the chart's own default."""


def images(document: Document) -> tuple[str, ...]:
    """All of its programs are in one image."""
    return (f"docker.io/kubeovn/kube-ovn:{plugin_version(NAME, document.kubernetes.version)}",)


PLUGIN = Plugin(NAME, images=images, component=COMPONENT, needs=needs, between=between, interfaces=("ovn", "genev"))


@step(
    "network/kubeovn",
    on="first-control-plane",
    needs_all=AFTER,
    when=PLUGIN.chosen,
    timeout=1200,
    expected=90,
)
def kubeovn(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Connect pods with Kube-OVN"""
    chart = Chart(NAME, machine, cluster, values(cluster))
    yield from chart.wants(machine)
    yield applied_objects(
        NAME, lambda here: objects(cluster.document, chart.objects(here)), fingerprint=chart.fingerprint
    )
    yield rollout_of("deployment", NAMESPACE, "ovn-central")
    yield rollout_of("daemonset", NAMESPACE, "ovs-ovn")
    yield rollout_of("deployment", NAMESPACE, "kube-ovn-controller")
    yield rollout_of("daemonset", NAMESPACE, "kube-ovn-cni")
    yield nodes_ready(cluster)


def objects(document: Document, rendered: list[Object]) -> list[Object]:
    """The chart's objects for this cluster, including the images of pods that Kube-OVN itself starts later."""
    for each in rendered:
        if each["kind"] == "ConfigMap" and each["metadata"]["name"] == NAT_CONFIG:
            each["data"]["image"] = image_of(document, each["data"]["image"])
        for pod in pod_specs(each):
            for container in pod["containers"]:
                container["args"] = [_argument(document, word) for word in container.get("args") or ()]
    return adapt_objects(document, rendered)


def _argument(document: Document, word: str) -> str:
    return f"{IMAGE_FLAG}{image_of(document, word.removeprefix(IMAGE_FLAG))}" if word.startswith(IMAGE_FLAG) else word


def values(cluster: Cluster) -> dict[str, Any]:
    """The chart's values."""
    document = cluster.document
    options = document.network.kubeovn
    controller = options.controller
    return {
        "MASTER_NODES": ",".join(databases(cluster)),
        "MASTER_NODES_LABEL": database_label(document),
        "networking": {
            "NET_STACK": "dual_stack" if all(pod_networks(document)) else "ipv4",
            "ENABLE_SSL": options.enable_ssl,
            "NETWORK_TYPE": controller.network_type,
            "TUNNEL_TYPE": options.tunnel_type,
            "IFACE": options.cni.iface,
            "EXCLUDE_IPS": controller.exclude_ips,
            "POD_NIC_TYPE": controller.pod_nic_type,
            "ENABLE_EIP_SNAT": controller.enable_eip_snat,
            "vlan": {"VLAN_INTERFACE_NAME": controller.vlan_interface_name, "VLAN_ID": controller.vlan_id},
        },
        "func": {
            "ENABLE_LB": controller.enable_lb,
            "ENABLE_NP": controller.enable_np,
            "ENABLE_EXTERNAL_VPC": controller.enable_external_vpc,
            "HW_OFFLOAD": options.ovs_ovn.hw_offload,
            "CHECK_GATEWAY": controller.check_gateway,
            "LOGICAL_GATEWAY": controller.logical_gateway,
        },
        "debug": {"ENABLE_MIRROR": options.cni.enable_mirror},
        "cni_conf": {"CNI_CONFIG_PRIORITY": options.cni.cni_config_priority},
        **_networks(document),
    }


def databases(cluster: Cluster) -> list[str]:
    """The addresses of the nodes OVN's database runs on. Raises ConfigError where there is none."""
    nodes = {each.name: each for each in cluster.members("master") + cluster.members("worker")}.values()
    found = [each.address for each in nodes if has_database(cluster.document, each.name)]
    if not found:
        label = cluster.document.network.kubeovn.label
        raise ConfigError(
            f"No machine of the document has the label {label}, so no machine can run OVN's database.",
            hint=f"Remove spec.network.kubeovn.label to use the control planes, or add {label} to hosts[].labels.",
        )
    return found


def _networks(document: Document) -> dict[str, Any]:
    """The networks, under the name that NET_STACK chooses; the chart reads no other."""
    options = document.network.kubeovn
    pods, services = pod_networks(document), service_networks(document)
    both = all(pods)
    join = options.join_cidr if len(parts_of(options.join_cidr)) > 1 or not both else f"{options.join_cidr},{JOIN_IPV6}"
    gateways = [str(ipaddress.ip_network(each, strict=False)[1]) for each in pods if each]
    chosen = {
        "POD_CIDR": ",".join(each for each in pods if each),
        "POD_GATEWAY": options.controller.pod_gateway or ",".join(gateways),
        "SVC_CIDR": ",".join(each for each in services if each),
        "JOIN_CIDR": join,
        "PINGER_EXTERNAL_ADDRESS": options.pinger.pinger_external_address,
    }
    if options.pinger.pinger_external_domain:
        chosen["PINGER_EXTERNAL_DOMAIN"] = options.pinger.pinger_external_domain
    return {"dual_stack" if both else "ipv4": chosen}
