"""Helpers for plans and versions: what a node waits for, and the newest version of each series."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.kubernetes_versions import known_versions, parse_version
from clusters.engine.plan import EVERYWHERE

if TYPE_CHECKING:
    from clusters.engine.plan import Node, Plan


def waits_for(plan: Plan, node: Node) -> frozenset[Node]:
    """What a node of a plan waits for, machine by machine."""
    needs = plan.needs[node]
    wide = (need for need in needs if need[1] == EVERYWHERE)
    return frozenset(need for need in needs if need[1] != EVERYWHERE).union(*(plan.needs[need] for need in wide))


def newest_patches() -> tuple[str, ...]:
    """One version for each series, newest first."""
    return tuple({parse_version(text).minor: text for text in reversed(known_versions())}.values())[::-1]
