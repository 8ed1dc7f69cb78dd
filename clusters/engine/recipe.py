"""Recipe: which phases make up an undertaking, in reading order. A step joins by the phase in its path."""

from __future__ import annotations

from dataclasses import dataclass

from clusters.errors import PlanError


@dataclass(frozen=True, slots=True)
class Recipe:
    """An undertaking such as "create"; the graph gives the real order, this the order for reading."""

    name: str
    title: str
    phases: tuple[str, ...]


RECIPES: dict[str, Recipe] = {}


def recipe(name: str, title: str, *phases: str) -> Recipe:
    """Declare a recipe; files in `catalog/recipes/` call this."""
    made = Recipe(name, title, phases)
    RECIPES[name] = made
    return made


def recipe_called(name: str) -> Recipe:
    """The recipe of that name."""
    if name not in RECIPES:
        raise PlanError(f"There is no recipe {name!r}.", hint=f"There are: {', '.join(sorted(RECIPES)) or 'none'}.")
    return RECIPES[name]
