"""The pod and service networks of a document, for its rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.syntax import Network, network_of, parts_of

if TYPE_CHECKING:
    from clusters.config.schema import Document

PODS, SERVICES = "spec.network.kubePodsCIDR", "spec.network.kubeServiceCIDR"


def networks(document: Document) -> tuple[tuple[str, str, str], ...]:
    """Path, kind and text of both networks."""
    network = document.network
    return ((PODS, "pod", network.kube_pods_cidr), (SERVICES, "service", network.kube_service_cidr))


def usable(text: str) -> tuple[Network, ...]:
    """The valid networks in a text."""
    return tuple(network for part in parts_of(text) if (network := network_of(part)) is not None)
