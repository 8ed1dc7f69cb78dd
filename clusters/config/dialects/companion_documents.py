"""The documents beside the cluster: KubeSphere's, and what of KubeKey 4's a v1alpha2 file carries along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.config import reading
from clusters.config.finding import warning
from clusters.config.schema import KubeSphere, KubeSphereSpec
from clusters.config.yaml.scalars import Walk, text
from clusters.config.yaml.tree import Mapping, Node, Scalar

if TYPE_CHECKING:
    from clusters.config.dialects.file_parts import Parts

_PLAIN = ("data", "status")


def kubesphere(walk: Walk, node: Mapping) -> dict[str, Any]:
    """KubeSphere's document as data for its model, and the word that it is not acted on."""
    walk.positions["kubesphere"] = (node.line, node.column)
    walk.quiet = True
    data: dict[str, Any] = {}
    for key, (mark, value) in node.pairs.items():
        path = f"kubesphere.{key}"
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
    message = "The second document asks for KubeSphere: it is kept in the file, but not acted on yet."
    walk.findings.append(warning("document.kubesphere", "kubesphere", message))
    return data


def _metadata(walk: Walk, node: Node, path: str) -> dict[str, Any]:
    """name, namespace and labels.version have fields of their own; the rest is kept."""
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
    """What a v1alpha2 file carries along of KubeKey 4."""
    data: dict[str, Any] = {}
    for key, node in (("---inventory", parts.inventory), ("---config", parts.config)):
        pair = node.pairs.get("spec") if node is not None else None
        if pair is not None and isinstance(pair[1], Mapping):
            name = key.strip("-")
            data[key] = kept(walk, reading.plain(walk, pair[1], name), name, pair[1])
    return data


def kept(walk: Walk, data: dict[str, Any], path: str, node: Mapping, speaks_of: Any = None) -> dict[str, Any]:
    """The rest of a KubeKey 4 document, and a warning for each of its keys.

    `speaks_of` is a tree of the keys that are acted on: where it goes deeper, the warning does, too.
    """
    for name, value in data.items():
        pair = node.pairs.get(name)
        if pair is None:
            continue
        inner = f"{path}.{name}"
        walk.positions[inner] = (pair[0].line, pair[0].column)
        below = (speaks_of or {}).get(name)
        if below and isinstance(value, dict) and isinstance(pair[1], Mapping):
            kept(walk, value, inner, pair[1], below)
            continue
        spoken = inner.partition(".")[2]
        message = f"Slipway keeps {spoken} in the file, but does not act on it yet."
        walk.findings.append(warning("key.not_acted_on", inner, message))
    return data
