"""The documents beside the cluster: KubeSphere's, and the KubeKey 4 parts in a v1alpha2 file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.config import reading
from clusters.config.dialects.v4.rest import warn_of_rest
from clusters.config.finding import warning
from clusters.config.paths import joined
from clusters.config.schema import KubeSphere, KubeSphereSpec
from clusters.config.yaml.scalars import Walk, text
from clusters.config.yaml.tree import Mapping, Node, Scalar

if TYPE_CHECKING:
    from clusters.config.dialects.file_parts import Parts

_PLAIN = ("data", "status")


def kubesphere(walk: Walk, node: Mapping) -> dict[str, Any]:
    """KubeSphere's document as data for its model, with a warning that it has no effect."""
    walk.positions["kubesphere"] = (node.line, node.column)
    walk.quiet = True
    data: dict[str, Any] = {}
    for key, (mark, value) in node.pairs.items():
        path = joined("kubesphere", key)
        walk.positions[path] = (mark.line, mark.column)
        if key == "spec":
            data["spec"] = reading.model(walk, value, KubeSphereSpec, path)
        elif key == "metadata":
            data |= _metadata(walk, value, path)
        elif key in ("apiVersion", "kind"):
            if isinstance(value, Scalar):
                data[key] = text(walk, value, path)
        elif key not in KubeSphere.model_fields or key in _PLAIN:
            found = reading.plain(walk, value, path)
            if key not in _PLAIN or isinstance(found, dict):
                data[key] = found
    walk.quiet = False
    message = "The second document requests KubeSphere. Slipway stores it in the file, but it has no effect yet."
    walk.findings.append(warning("document.kubesphere", "kubesphere", message))
    return data


def _metadata(walk: Walk, node: Node, path: str) -> dict[str, Any]:
    """name, namespace and labels.version have separate fields; the rest is stored as data."""
    if not isinstance(node, Mapping):
        return {}
    found = reading.plain(walk, node, path)
    data: dict[str, Any] = {}
    for key in ("name", "namespace"):
        if isinstance(found.get(key), str):
            data[key] = found.pop(key)
    labels = found.get("labels")
    if isinstance(labels, dict) and isinstance(labels.get("version"), str | int | float):
        pair = node.pairs["labels"][1]
        data["version"] = pair.pairs["version"][1].text if isinstance(pair, Mapping) else ""  # type: ignore[union-attr]
        del labels["version"]
        if not labels:
            del found["labels"]
    return data | {"metadata": found}


def rest(walk: Walk, parts: Parts) -> dict[str, Any]:
    """The KubeKey 4 parts of a v1alpha2 file."""
    data: dict[str, Any] = {}
    for key, node in (("---inventory", parts.inventory), ("---config", parts.config)):
        pair = node.pairs.get("spec") if node is not None else None
        if pair is not None and isinstance(pair[1], Mapping):
            name = key.strip("-")
            data[key] = reading.plain(walk, pair[1], name)
            warn_of_rest(walk, pair[1], name)
    return data
