"""Iterates over every node of a YAML tree, including merged values that are overridden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.yaml.tree import Mapping, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from clusters.config.yaml.tree import Node


def every(nodes: Iterable[Node]) -> Iterator[Node]:
    """Each node once, however many aliases refer to it; without keys."""
    waiting = list(nodes)
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, Sequence):
            waiting += node.items
        elif isinstance(node, Mapping):
            waiting += (value for _mark, value in node.pairs.values())
            waiting += node.hidden


def overridden(nodes: Iterable[Node]) -> Iterator[Mapping]:
    """Mappings with overridden values, once each."""
    seen: set[int] = set()
    for node in every(nodes):
        for each in node.hidden if isinstance(node, Mapping) else ():
            if id(each) not in seen:
                seen.add(id(each))
                yield each
