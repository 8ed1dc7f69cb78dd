"""`slipway recipes`: the recipes for a cluster, as the table of docs/recipes.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from clusters.catalog.recipes import recipes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.recipe import Recipe

HEAD = ("button", "command", "what it does", "starts when the cluster is", "asks for", "prechecks", "can be cancelled")


class Command(BaseCommand):
    """Print the table of recipes."""

    help = "Print all recipes as a Markdown table."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print it."""
        self.stdout.write(table())


def table() -> str:
    """A row for each recipe."""
    rows = [HEAD, ("---",) * len(HEAD), *(tuple(_cells(each)) for each in recipes())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cells(recipe: Recipe) -> Iterator[str]:
    yield recipe.title
    yield f"`cluster {recipe.verb}`"
    yield f"{recipe.summary} {recipe.warning}".strip().replace("|", "\\|")
    yield ", ".join(recipe.states)
    yield ", ".join(f"`--{question.name.replace('_', '-')}`" for question in recipe.questions) or "–"
    yield "all" if recipe.prechecks == "all" else ", ".join(f"`{id}`" for id in recipe.prechecks)
    yield "yes" if recipe.cancellable else "no"
