"""The pods' and the services' networks of a document, as its rules look at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.syntax import Network, network_of, parts_of

if TYPE_CHECKING:
    from clusters.config.schema import Document

PODS, SERVICES = "spec.network.kubePodsCIDR", "spec.network.kubeServiceCIDR"


def networks(document: Document) -> tuple[tuple[str, str, str], ...]:
    """Path, what it is, and the text."""
    network = document.network
    return ((PODS, "pod", network.kube_pods_cidr), (SERVICES, "service", network.kube_service_cidr))


def usable(text: str) -> tuple[Network, ...]:
    """The networks a text names, as far as they are networks."""
    return tuple(network for part in parts_of(text) if (network := network_of(part)) is not None)
