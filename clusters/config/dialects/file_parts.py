"""A file's YAML documents by kind: a cluster, KubeSphere, and KubeKey 4's Inventory and Config."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.config.yaml.scalars import what
from clusters.config.yaml.tree import Mapping, Node, Refused, Scalar, excerpt, refuse

if TYPE_CHECKING:
    from collections.abc import Iterable

KUBESPHERE_KINDS = ("ClusterConfiguration", "ConfigMap")


@dataclass(slots=True)
class Parts:
    """The documents of a file. Without a cluster, Inventory and Config describe it (KubeKey 4)."""

    cluster: Mapping | None = None
    kubesphere: Mapping | None = None
    inventory: Mapping | None = None
    config: Mapping | None = None

    @property
    def others(self) -> tuple[Mapping, ...]:
        """KubeKey's documents beside the first one."""
        found = (self.cluster, self.inventory, self.config)
        return tuple(node for node in found if node is not None and node is not self.first)

    @property
    def first(self) -> Mapping:
        """The document whose header determines the dialect."""
        return self.cluster or self.inventory or self.config or Mapping(0, 0)


def text_at(node: Mapping, key: str) -> str:
    """The text of a single value, or an empty text."""
    pair = node.pairs.get(key)
    return pair[1].text if pair is not None and isinstance(pair[1], Scalar) else ""


def _slot(node: Mapping) -> str:
    kind = text_at(node, "kind")
    if kind in KUBESPHERE_KINDS:
        return "kubesphere"
    return {"Inventory": "inventory", "Config": "config"}.get(kind, "cluster")


def pick(documents: Iterable[Node]) -> Parts:
    """The documents of a file. Raises Refused when the cluster is missing or a kind occurs twice."""
    parts, count = Parts(), 0
    for node in documents:
        count += 1
        if not isinstance(node, Mapping):
            raise refuse(
                "yaml.not_a_mapping",
                f"Expected keys with values, found {what(node)}.",
                hint="The file must start with apiVersion, kind: Cluster, metadata and spec.",
                line=node.line,
                column=node.column,
            )
        slot = _slot(node)
        before = getattr(parts, slot)
        if before is not None:
            is_other = text_at(node, "kind") == "Cluster" != text_at(before, "kind")
            raise _twice(before if is_other else node, slot)
        setattr(parts, slot, node)
    if not count:
        hint = "It must start with apiVersion and kind: Cluster."
        raise refuse("yaml.empty", "The file is empty.", hint=hint, line=1, column=1)
    if parts.cluster is None and parts.inventory is None and parts.config is None:
        message, hint = "The file describes KubeSphere, but no cluster.", "Add kind: Cluster."
        raise refuse("kind.missing", message, hint=hint, line=1, column=1)
    return parts


def _twice(node: Mapping, slot: str) -> Refused:
    names = {"kubesphere": "KubeSphere configuration", "inventory": "Inventory", "config": "Config"}
    kind = text_at(node, "kind")
    if slot == "cluster" and kind not in ("", "Cluster"):
        message = f"The file also contains a document of kind {excerpt(kind)}, which does not describe a cluster."
        hint = "Put it into a separate file."
        return refuse("yaml.documents", message, hint=hint, line=node.line, column=node.column)
    return refuse(
        "yaml.documents",
        f"The file contains more than one {names.get(slot, 'cluster')}.",
        hint="One file describes one cluster, and optionally KubeSphere's ClusterConfiguration after ---.",
        line=node.line,
        column=node.column,
    )
