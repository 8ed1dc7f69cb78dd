"""The network plugin "calico": the release's own manifest, with the document's options set in its objects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from clusters.catalog.components import artifact
from clusters.catalog.manifests import applied_objects, find, read_objects
from clusters.catalog.networks.calico.files import COMPONENT, NAME, manifest_of
from clusters.catalog.networks.calico.needs import between, needs, sends_directly, typha_is_on
from clusters.catalog.plugins import AFTER, Plugin, adapt_objects, nodes_ready, pod_networks
from clusters.catalog.rollout import rollout_of
from clusters.config.kubernetes_versions import parse_version
from clusters.config.plugins import plugin_version
from clusters.engine.step import step
from clusters.errors import SourceError
from clusters.localfile import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clusters.catalog.manifests import Object
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

LARGEST_MANIFEST = 8 * 1024 * 1024
"""Limit in bytes; those of Calico's releases have less than one megabyte."""

NAMESPACE = "kube-system"
_QUAY_SINCE = (3, 31, 0)
"""From this release on the manifest names quay.io instead of docker.io. Source: the manifests themselves."""

_MTU = "__CNI_MTU__"
_NODE_ADDRESS = "kubernetes-internal-ip"
"""Calico uses the node's internal address. Without it, it uses the first network card that it finds."""


def images(document: Document) -> tuple[str, ...]:
    """Calico's images; Typha's where it is on."""
    version = plugin_version(NAME, document.kubernetes.version)
    registry = "quay.io" if parse_version(version) >= _QUAY_SINCE else "docker.io"
    names = ["node", "cni", "kube-controllers"] + (["typha"] if typha_is_on(document) else [])
    return tuple(f"{registry}/calico/{name}:{version}" for name in names)


PLUGIN = Plugin(
    NAME,
    images=images,
    component=COMPONENT,
    takes=lambda document, file: file == manifest_of(document),
    needs=needs,
    between=between,
    sends_directly=sends_directly,
    runs_felix=lambda document: True,
    interfaces=("cali", "tunl", "vxlan"),
)


@step(
    "network/calico",
    on="first-control-plane",
    needs_all=AFTER,
    when=PLUGIN.chosen,
    timeout=900,
    expected=60,
)
def calico(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Connect pods with Calico"""
    typha = typha_is_on(cluster.document)
    found = artifact(machine, cluster, NAME, manifest_of(cluster.document))

    def objects(here: Machine) -> list[Object]:
        read = read_objects(_text_of(found.path), found.path.name)
        return adapt_objects(cluster.document, edited(read, cluster.document, typha=typha))

    yield applied_objects(NAME, objects)
    if typha:
        yield rollout_of("deployment", NAMESPACE, "calico-typha")
    yield rollout_of("daemonset", NAMESPACE, "calico-node")
    yield nodes_ready(cluster)
    yield rollout_of("deployment", NAMESPACE, "calico-kube-controllers")


def _text_of(manifest: Path) -> str:
    """The manifest as the source has it. Raises SourceError."""
    try:
        return read_regular(manifest, LARGEST_MANIFEST).decode("utf-8", "replace")
    except OSError as error:
        raise SourceError(
            f"{manifest} cannot be read as Calico's manifest: {error.strerror}.", hint="Is the bundle the right one?"
        ) from error


def edited(objects: list[Object], document: Document, *, typha: bool) -> list[Object]:
    """The manifest's objects with the document's options. Raises SourceError when the manifest lacks one of them."""
    calico = document.network.calico
    _configure(find(objects, "ConfigMap", "calico-config")["data"], document)
    node = find(objects, "DaemonSet", "calico-node")["spec"]["template"]["spec"]
    daemon = next(each for each in node["containers"] if each["name"] == "calico-node")
    _set(daemon["env"], variables(document))
    if _only_vxlan(document):
        for probe in ("livenessProbe", "readinessProbe"):
            command = daemon.get(probe, {}).get("exec", {}).get("command", [])
            # Without BGP its daemon does not run and cannot be probed.
            command[:] = [word for word in command if word not in ("-bird-live", "-bird-ready")]
    _scale(objects, "calico-kube-controllers", calico.controller.replicas, calico.controller.node_selector)
    if typha:
        selector = calico.typha.node_selector or calico.node_selector
        _scale(objects, "calico-typha", calico.replicas or calico.typha.replicas, selector)
    return objects


def variables(document: Document) -> dict[str, str]:
    """The daemon's environment variables. Source: Calico's reference of calico/node."""
    calico = document.network.calico
    ipv4, ipv6 = pod_networks(document)
    found = {
        "CALICO_IPV4POOL_CIDR": ipv4,
        "CALICO_IPV4POOL_IPIP": calico.ipip_mode,
        "CALICO_IPV4POOL_VXLAN": calico.vxlan_mode,
        "CALICO_IPV4POOL_NAT_OUTGOING": _truth(calico.ipv4_nat_outgoing),
        "NO_DEFAULT_POOLS": _truth(not calico.default_ip_pool),
        "IP_AUTODETECTION_METHOD": calico.ip_auto_detection_method or _NODE_ADDRESS,
    }
    if ipv6:
        found |= {
            "IP6": "autodetect",
            "IP6_AUTODETECTION_METHOD": _NODE_ADDRESS,
            "FELIX_IPV6SUPPORT": "true",
            "CALICO_IPV6POOL_CIDR": ipv6,
            "CALICO_IPV6POOL_VXLAN": calico.vxlan_mode,
            "CALICO_IPV6POOL_NAT_OUTGOING": _truth(calico.ipv6_nat_outgoing),
        }
    return found


def _only_vxlan(document: Document) -> bool:
    """Whether all tunnels are VXLAN: then Felix sets the routes, and BGP is not needed."""
    return document.network.calico.vxlan_mode != "Never" and document.network.calico.ipip_mode == "Never"


def _configure(data: dict[str, str], document: Document) -> None:
    """The settings that containers read from the ConfigMap."""
    data["veth_mtu"] = str(document.network.calico.veth_mtu)
    if _only_vxlan(document):
        data["calico_backend"] = "vxlan"
    if pod_networks(document)[1]:
        # The bare placeholder for a number is not valid JSON; in quotes it is.
        cni = json.loads(data["cni_network_config"].replace(_MTU, f'"{_MTU}"'))
        for each in cni["plugins"]:
            if each["type"] == "calico":
                each["ipam"] |= {"assign_ipv4": "true", "assign_ipv6": "true"}
        data["cni_network_config"] = json.dumps(cni, indent=2).replace(f'"{_MTU}"', _MTU)


def _set(env: list[dict[str, Any]], values: dict[str, str]) -> None:
    """Set variables of a container, each once."""
    env[:] = [each for each in env if each["name"] not in values]
    env += [{"name": name, "value": value} for name, value in values.items()]


def _scale(objects: list[Object], name: str, replicas: int, selector: dict[str, str]) -> None:
    """Set the number of replicas, and add these labels to the manifest's node selector."""
    spec = find(objects, "Deployment", name)["spec"]
    spec["replicas"] = replicas
    spec["template"]["spec"].setdefault("nodeSelector", {}).update(selector)


def _truth(value: bool) -> str:
    return "true" if value else "false"
