"""What is done to clusters, one file for each recipe; found by walking this package."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING

from clusters.engine.recipe import Recipe, offered
from clusters.engine.step import discover

if TYPE_CHECKING:
    from collections.abc import Mapping


def recipes() -> tuple[Recipe, ...]:
    """All recipes that users can start."""
    _walk()
    return offered()


def recipes_by_name() -> Mapping[str, Recipe]:
    """The same by name."""
    return {each.name: each for each in recipes()}


@cache
def _walk() -> None:
    discover(sys.modules[__name__])
