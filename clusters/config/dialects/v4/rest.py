"""Warnings about the rest of KubeKey 4's files: keys that Slipway stores without effect, and keys that nobody reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.config.dialects.v4.known_keys import ANY, Known, known_keys, meant
from clusters.config.finding import warning
from clusters.config.paths import joined
from clusters.config.yaml.scalars import Walk, natural
from clusters.config.yaml.tree import Mapping, Node, Scalar, Sequence, excerpt

if TYPE_CHECKING:
    from clusters.config.finding import Finding


@dataclass(slots=True)
class _Found:
    """One key to warn of, and in how many machines or groups it is."""

    path: str
    name: str
    parent: Known
    count: int = 1


def warn_of_rest(walk: Walk, node: Mapping, part: str) -> None:
    """Add a warning for each key of the `inventory` or `config` that requests something Slipway does not do.

    A key of many machines is one warning, at the first of them.
    """
    found: dict[str, _Found] = {}
    _walk(walk, node, part, part, known_keys(part), found)
    walk.findings += [_unknown(each) if each.parent.at(each.name) is None else _stored(each) for each in found.values()]


def _walk(walk: Walk, node: Mapping, path: str, shape: str, known: Known, found: dict[str, _Found]) -> None:
    """Collect the keys; `shape` is the path without the names of machines and groups."""
    for name, (mark, value) in node.pairs.items():
        inner, below = joined(path, name), known.at(name)
        inner_shape = joined(shape, name if name in known.below or below is None else ANY)
        walk.positions[inner] = (mark.line, mark.column)
        if below is not None and below.below and isinstance(value, Mapping):
            _walk(walk, value, inner, inner_shape, below, found)
        elif below is None or _requests(value, below):
            if inner_shape in found:
                found[inner_shape].count += 1
            else:
                found[inner_shape] = _Found(inner, name, known)


def _requests(node: Node, known: Known) -> bool:
    """Whether a value requests anything: empty values do not, nor does a switch in its usual position."""
    if isinstance(node, Mapping):
        return any(_requests(value, Known()) for _, value in node.pairs.values())
    if isinstance(node, Sequence):
        return bool(node.items)
    value = natural(node) if isinstance(node, Scalar) and node.plain else getattr(node, "text", "")
    return value is False if known.is_on else bool(value)


def _stored(found: _Found) -> Finding:
    message = f"Slipway stores {_place(found)}{_more(found)} in the file, but it has no effect yet."
    return warning("key.not_acted_on", found.path, message)


def _unknown(found: _Found) -> Finding:
    names = sorted(each for each in found.parent.below if each != ANY)
    key, listed = meant(found.name, found.parent, found.path), ", ".join(names)
    hint = f"Did you mean {key}?" if key else f"Known keys: {listed}."
    message = f"KubeKey 4 has no key {excerpt(_place(found))}{_more(found)}; it is stored but has no effect."
    return warning("key.unknown", found.path, message, hint=hint, found=excerpt(found.name), allowed=listed)


def _place(found: _Found) -> str:
    return found.path.partition(".")[2]


def _more(found: _Found) -> str:
    return f" (and {found.count - 1} more like it)" if found.count > 1 else ""
