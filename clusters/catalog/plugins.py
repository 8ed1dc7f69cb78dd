"""What network plugins have in common: their images, where their objects are applied, and when they are up."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clusters.catalog.images import image_ref
from clusters.catalog.manifests import for_old_servers
from clusters.catalog.rollout import all_ready
from clusters.config.syntax import parts_of
from clusters.config.versions import parse_version
from clusters.engine.step import discover
from clusters.engine.wants import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.catalog.manifests import Object
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.wants import Want

AFTER = (
    "kubernetes/control-plane",
    "kubernetes/join",
    "kubernetes/join-control-plane",
    "kubernetes/labels",
    "images/network",
)
"""What is over on every machine before a plugin's objects are applied."""

NODES_WITHIN = 300.0
"""Seconds until every node is Ready once the plugin's pods are."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin that runs in pods: its name in the document, and its images for a document, as upstream calls them."""

    name: str
    images: Callable[[Document], tuple[str, ...]]

    def chosen(self, document: Document) -> bool:
        """Whether the document asks for this plugin."""
        return document.network.plugin == self.name


PLUGINS: dict[str, Plugin] = {}
"""By name; filled by the modules of `clusters.catalog.networks`."""


def plugin(name: str, images: Callable[[Document], tuple[str, ...]]) -> Plugin:
    """Declare a plugin."""
    PLUGINS[name] = Plugin(name, images)
    return PLUGINS[name]


def images(document: Document) -> tuple[str, ...]:
    """The images that the document's network plugin needs, as they are pulled: what a bundle has to hold for it."""
    discover(importlib.import_module("clusters.catalog.networks"))
    known = PLUGINS.get(document.network.plugin)
    return tuple(image_of(document, each) for each in known.images(document)) if known else ()


def image_of(document: Document, ref: str) -> str:
    """Where an image of upstream's is pulled from. The one place through which every reference here goes."""
    return image_ref(document, ref)


def settled(document: Document, objects: Sequence[Object]) -> list[Object]:
    """The objects as this cluster takes them: images from where they are pulled, groups its API server knows."""
    for each in objects:
        for pod in pod_specs(each):
            for container in (*(pod.get("initContainers") or ()), *(pod.get("containers") or ())):
                container["image"] = image_of(document, container["image"])
    return for_old_servers(objects, parse_version(document.kubernetes.version).minor)


def pod_specs(value: Any) -> list[dict[str, Any]]:
    """The pod templates inside an object: its own, or that of a CronJob's jobs."""
    spec = value.get("spec") if isinstance(value, dict) else None
    if not isinstance(spec, dict) or value.get("kind") == "CustomResourceDefinition":
        return []
    if isinstance(spec.get("jobTemplate"), dict):
        return pod_specs(spec["jobTemplate"])
    pod = spec.get("template", {}).get("spec") if isinstance(spec.get("template"), dict) else None
    return [pod] if isinstance(pod, dict) else []


def nodes_ready(cluster: Cluster) -> Want:
    """Every node is Ready: what a plugin is for."""
    wanted = {each.name for each in cluster.members("master") + cluster.members("worker")}
    return eventually(
        f"all {len(wanted)} nodes are Ready", lambda machine: all_ready(machine, wanted), within=NODES_WITHIN, every=1
    )


def node_count(cluster: Cluster) -> int:
    """How many nodes there are."""
    return len({each.name for each in cluster.members("master") + cluster.members("worker")})


def pod_networks(document: Document) -> tuple[str, str]:
    """The pods' IPv4 and IPv6 networks; empty where there is none."""
    return _by_family(document.network.kube_pods_cidr)


def service_networks(document: Document) -> tuple[str, str]:
    """The same of the services."""
    return _by_family(document.network.kube_service_cidr)


def _by_family(text: str) -> tuple[str, str]:
    parts = parts_of(text)
    return next((each for each in parts if ":" not in each), ""), next((each for each in parts if ":" in each), "")
