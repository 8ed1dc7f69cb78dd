"""Columns of a cluster that repeat values of its document, for pages that list many clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.config.topology import endpoint_address
from clusters.models import Cluster
from clusters.models.columns import longest

if TYPE_CHECKING:
    from clusters.config.schema import Document


def columns_of(document: Document) -> dict[str, Any]:
    """Column -> value; a text longer than its column is truncated."""
    address = endpoint_address(document)
    return {
        "kubernetes_version": _cut("kubernetes_version", document.kubernetes.version),
        "endpoint": _cut("endpoint", f"{address}:{document.control_plane_endpoint.port}" if address else ""),
        "machine_count": len(document.hosts),
    }


def _cut(column: str, text: str) -> str:
    most = longest(Cluster, column)
    return text if len(text) <= most else text[: most - 1] + "…"
