"""The texts of a run's recipe, and its answers as form fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from clusters.catalog.recipes import recipes
from clusters.engine.recipe import RECIPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.models import Run


@dataclass(frozen=True, slots=True)
class RunWords:
    """The texts for a run, its button, and its success; `sent` are the answers as form fields."""

    heading: str
    title: str
    done: str
    sent: tuple[tuple[str, str], ...]


def words_of(run: Run) -> RunWords:
    """The texts of the recipe; for a recipe that no longer exists, its name."""
    recipes()
    known = RECIPES.get(run.recipe)
    name = run.cluster.name
    if known is None:
        title = run.recipe.capitalize()
        return RunWords(f"{title}: {name}", title, _("Done"), ())
    heading, done = (_(sentence).replace("{name}", name) for sentence in (known.heading, known.done or "Done"))
    return RunWords(heading, _(known.title), done, tuple(fields_of(run.answers)))


def fields_of(answers: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Names and values of the form fields that repeat these answers."""
    for name, value in answers.items():
        for each in value if isinstance(value, list) else [value]:
            if each is not None and each is not False and each != "":
                yield name, "on" if each is True else str(each)
