"""A file's YAML documents by kind: a cluster, KubeSphere, and KubeKey 4's Inventory and Config."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clusters.config.yaml.scalars import what
from clusters.config.yaml.tree import Mapping, Node, Refused, Scalar, refuse

if TYPE_CHECKING:
    from collections.abc import Iterable

GROUP = "kubekey.kubesphere.io/"
KUBESPHERE_KINDS = ("ClusterConfiguration", "ConfigMap")


@dataclass(slots=True)
class Parts:
    """The documents of a file. Without a cluster, Inventory and Config describe it (KubeKey 4)."""

    cluster: Mapping | None = None
    kubesphere: Mapping | None = None
    inventory: Mapping | None = None
    config: Mapping | None = None
    others: list[Mapping] = field(default_factory=list)
    """Documents of other kinds, like Secret or Manifest, which KubeKey skips."""

    @property
    def beside_first(self) -> tuple[Mapping, ...]:
        """KubeKey's documents beside the first one."""
        found = (self.cluster, self.inventory, self.config)
        return tuple(node for node in found if node is not None and node is not self.first)

    @property
    def first(self) -> Mapping:
        """The document whose header determines the dialect."""
        return self.cluster or self.inventory or self.config or Mapping(0, 0)


def skipped(documents: Iterable[Node]) -> list[Mapping]:
    """The documents beside the cluster that KubeKey skips; none when the file cannot be read."""
    try:
        return pick(documents).others
    except Refused:
        return []


def text_at(node: Mapping, key: str) -> str:
    """The text of a single value, or an empty text."""
    pair = node.pairs.get(key)
    return pair[1].text if pair is not None and isinstance(pair[1], Scalar) else ""


def _slot(node: Mapping) -> str:
    kind = text_at(node, "kind")
    if kind in KUBESPHERE_KINDS:
        return "kubesphere"
    slots = {"Inventory": "inventory", "Config": "config", "Cluster": "cluster", "": "cluster"}
    return slots.get(kind, "others")


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
        if slot == "others":
            parts.others.append(node)
            continue
        before = getattr(parts, slot)
        if before is not None:
            is_other = text_at(node, "kind") == "Cluster" != text_at(before, "kind")
            raise _twice(before if is_other else node, slot)
        setattr(parts, slot, node)
    if not count:
        hint = "It must start with apiVersion and kind: Cluster."
        raise refuse("yaml.empty", "The file is empty.", hint=hint, line=1, column=1)
    if parts.cluster is None and parts.inventory is None and parts.config is None and parts.others:
        # A single strange kind is more likely a misspelled one than a document beside the cluster.
        parts.cluster = next((each for each in parts.others if _is_of_kubekey(each)), parts.others[0])
        parts.others.remove(parts.cluster)
    if parts.cluster is None and parts.inventory is None and parts.config is None:
        message, hint = "The file describes KubeSphere, but no cluster.", "Add kind: Cluster."
        raise refuse("kind.missing", message, hint=hint, line=1, column=1)
    return parts


def _is_of_kubekey(node: Mapping) -> bool:
    """Whether it could be a cluster: of KubeKey, but not a Manifest or a Playbook."""
    return text_at(node, "apiVersion").startswith(GROUP) and text_at(node, "kind") not in ("Manifest", "Playbook")


def _twice(node: Mapping, slot: str) -> Refused:
    names = {"kubesphere": "KubeSphere configuration", "inventory": "Inventory", "config": "Config"}
    return refuse(
        "yaml.documents",
        f"The file contains more than one {names.get(slot, 'cluster')}.",
        hint="One file describes one cluster, and optionally KubeSphere's ClusterConfiguration after ---.",
        line=node.line,
        column=node.column,
    )
