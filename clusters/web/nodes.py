"""A cluster's nodes as last observed, in one format whichever format a run reported them in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clusters.models import Cluster


@dataclass(frozen=True, slots=True)
class Node:
    """One row of `kubectl get nodes`. `state` is ready or notready."""

    name: str
    state: str
    roles: str
    version: str
    address: str


def nodes_of(cluster: Cluster) -> list[Node]:
    """The nodes that the newest run observed; rows that are not mappings are left out."""
    return [_node(row) for row in cluster.nodes if isinstance(row, dict)]


def _node(row: dict[str, Any]) -> Node:
    roles = row.get("roles", "")
    status = str(row.get("status", ""))
    ready = bool(row["ready"]) if "ready" in row else status.split(",")[0] == "Ready"
    return Node(
        name=str(row.get("name", "")),
        state="ready" if ready else "notready",
        roles=", ".join(map(str, roles)) if isinstance(roles, list | tuple) else str(roles),
        version=str(row.get("version", "")),
        address=str(row.get("address") or row.get("internal_ip") or ""),
    )
