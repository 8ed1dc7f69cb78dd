"""What network plugins have in common: their images, where their objects are applied, and when they are ready."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from clusters.catalog.images import image_ref
from clusters.catalog.manifests import for_old_servers
from clusters.catalog.rollout import all_ready
from clusters.config.kubernetes_versions import parse_version
from clusters.config.plugins import plugins as of_the_document
from clusters.config.syntax import parts_of
from clusters.engine.wants import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from clusters.catalog.components import Component
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
"""The steps that end on every machine before a plugin's objects are applied."""

NODES_WITHIN = 300.0
"""Seconds until every node is Ready after the plugin's pods are."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Ports that a plugin opens on a node, TCP and UDP, and kernel modules it requires."""

    tcp: tuple[int, ...] = ()
    udp: tuple[int, ...] = ()
    modules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Between:
    """TCP ports that must be open between machines: of every node for every other; of control planes for every node;
    of control planes for each other."""

    nodes: tuple[int, ...] = ()
    central: tuple[int, ...] = ()
    among_central: tuple[int, ...] = ()


def never(document: Document) -> bool:
    """For no document."""
    return False


@dataclass(frozen=True, slots=True)
class Plugin:
    """A network plugin: its name in the document, and what it needs for a document.

    `images` have upstream's names; `component` is its manifest or chart, of which a document needs the files that it
    `takes`. `needs` are ports and modules of a machine, by its name; `between` are those ports that other machines
    use, the rest are for the node itself. `sends_directly`: packets to pods leave a node without a tunnel, so nodes
    must be neighbours. `runs_felix`: Felix runs on nodes. `interfaces` are prefixes of the names of its interfaces.
    `is_yours`: you install it, and Slipway does not.
    """

    name: str
    images: Callable[[Document], tuple[str, ...]] = lambda document: ()
    component: Component | None = None
    takes: Callable[[Document, str], bool] = lambda document, file: True
    needs: Callable[[Document, str], Needs] = lambda document, machine: Needs()
    between: Callable[[Document], Between] = lambda document: Between()
    sends_directly: Callable[[Document], bool] = never
    runs_felix: Callable[[Document], bool] = never
    interfaces: tuple[str, ...] = ()
    is_yours: bool = False

    def chosen(self, document: Document) -> bool:
        """Whether the document asks for this plugin."""
        return document.network.plugin == self.name


@cache
def plugins() -> Mapping[str, Plugin]:
    """By name, in the order for users: the record `PLUGIN` of each module in `clusters.catalog.networks`."""
    return {each.name: _of_machines(each.attribute) for each in of_the_document()}


def _of_machines(module: str) -> Plugin:
    found: Plugin = importlib.import_module(f"clusters.catalog.networks.{module}").PLUGIN
    return found


def plugin_of(document: Document) -> Plugin:
    """The document's plugin; an unknown name gives one that needs nothing."""
    return plugins().get(document.network.plugin) or Plugin(document.network.plugin)


def images(document: Document) -> tuple[str, ...]:
    """The images that the document's network plugin needs, as they are pulled: a bundle must contain them."""
    return tuple(image_of(document, each) for each in plugin_of(document).images(document))


def image_of(document: Document, ref: str) -> str:
    """The reference from which an upstream image is pulled. Every reference here goes through this function."""
    return image_ref(document, ref)


def adapt_objects(document: Document, objects: Sequence[Object]) -> list[Object]:
    """The objects for this cluster: with the images it pulls and the API groups its API server supports."""
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
    """Every node is Ready, which is a plugin's purpose."""
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
    """The same for the services."""
    return _by_family(document.network.kube_service_cidr)


def _by_family(text: str) -> tuple[str, str]:
    parts = parts_of(text)
    return next((each for each in parts if ":" not in each), ""), next((each for each in parts if ":" in each), "")
