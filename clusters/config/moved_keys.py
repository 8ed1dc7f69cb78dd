"""Keys that older KubeKey releases had in other places: etcd's backups, and options of network plugins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from clusters.config.plugins import plugins
from clusters.config.sections.etcd import MOVED as ETCD_BACKUPS
from clusters.config.yaml.tree import Mapping, Node, Scalar

Path = tuple[str, ...]

_MOVED: dict[Path, Path] = {
    **{("kubernetes", old): ("etcd", new) for old, new in ETCD_BACKUPS.items()},
    **{
        ("network", plugin.name, old): ("network", plugin.name, *new.split("."))
        for plugin in plugins()
        for old, new in plugin.moved.items()
    },
}
"""Path below spec in older files -> path today."""


def moved(spec: Mapping) -> Mapping:
    """The spec with keys of older releases at their place of today, unless that is already set.

    Works on copies, because the tree is cached and shared.
    """
    for old, new in _MOVED.items():
        pair = _pair(spec, old)
        if pair is not None and _pair(spec, new) is None and _has_room(spec, new):
            spec = _with(_without(spec, old), new, pair)
    return spec


def _pair(node: Node, path: Path) -> tuple[Scalar, Node] | None:
    pair: tuple[Scalar, Node] | None = None
    for name in path:
        pair = node.pairs.get(name) if isinstance(node, Mapping) else None
        if pair is None:
            return None
        node = pair[1]
    return pair


def _is_nothing(node: Node) -> bool:
    return isinstance(node, Scalar) and node.tag == "null"


def _has_room(spec: Mapping, path: Path) -> bool:
    """Whether every section on the path is a mapping, empty, or missing."""
    above = [_pair(spec, path[:length]) for length in range(1, len(path))]
    return all(pair is None or isinstance(pair[1], Mapping) or _is_nothing(pair[1]) for pair in above)


def _without(node: Mapping, path: Path) -> Mapping:
    pairs: dict[str, Any] = dict(node.pairs)
    if len(path) == 1:
        del pairs[path[0]]
    else:
        mark, inner = pairs[path[0]]
        pairs[path[0]] = (mark, _without(inner, path[1:]))
    return replace(node, pairs=pairs)


def _with(node: Mapping, path: Path, pair: tuple[Scalar, Node]) -> Mapping:
    pairs = dict(node.pairs)
    if len(path) == 1:
        pairs[path[0]] = pair
        return replace(node, pairs=pairs)
    mark, inner = pairs.get(path[0], (pair[0], None))
    if not isinstance(inner, Mapping):
        mark, inner = pair[0], Mapping(pair[0].line, pair[0].column)
    pairs[path[0]] = (mark, _with(inner, path[1:], pair))
    return replace(node, pairs=pairs)
