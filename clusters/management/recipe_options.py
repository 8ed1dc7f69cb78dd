"""The questions of a recipe as options of a command, and the given options as answers."""

from __future__ import annotations

from argparse import BooleanOptionalAction
from typing import TYPE_CHECKING, Any

from clusters.catalog.recipes import recipes
from clusters.errors import InstallerError

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterable, Mapping

    from clusters.engine.question import Question
    from clusters.engine.recipe import Recipe

WORDS = {"yes": True, "no": False}


def recipe_of_verb(verb: str) -> Recipe:
    """The recipe of a verb; argparse has refused all other verbs."""
    return next(each for each in recipes() if each.verb == verb)


def add_questions(parser: ArgumentParser, recipe: Recipe) -> None:
    """An option for each question: `max_size` is `--max-size`."""
    for question in recipe.questions:
        words = " ".join(part for part in (question.label.rstrip(".") + ".", question.help) if part)
        kind: dict[str, Any] = {"metavar": question.kind.upper()}
        if question.kind == "switch":
            kind = {"action": BooleanOptionalAction}
        elif question.kind == "machines":
            kind = {"action": "append", "metavar": "MACHINE"}
        option, dest = f"--{question.name.replace('_', '-')}", _dest(question)
        parser.add_argument(option, dest=dest, help=words.replace("%", "%%"), **kind)


def answers_of_options(recipe: Recipe, options: Mapping[str, Any]) -> dict[str, Any]:
    """The answers from the command line; questions without an option are left out."""
    given = {question.name: options.get(_dest(question)) for question in recipe.questions}
    by_name = {question.name: question for question in recipe.questions}
    return {name: _read(by_name[name], value) for name, value in given.items() if value is not None}


def answers_of_pairs(recipe: Recipe, pairs: Iterable[str]) -> dict[str, Any]:
    """The answers from arguments such as `max_size=3`; machines are separated by commas."""
    by_name = {question.name: question for question in recipe.questions}
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or name not in by_name:
            raise InstallerError(
                f"{pair[:80]!r} is not an answer to a question of the recipe {recipe.name}.",
                hint=f"Write NAME=VALUE; the questions are: {', '.join(by_name) or 'none'}.",
            )
        found[name] = _read(by_name[name], value)
    return found


def _dest(question: Question) -> str:
    """Where argparse stores the answer: separate from the options of every recipe."""
    return f"answer_{question.name}"


def _read(question: Question, value: Any) -> Any:
    if question.kind == "machines":
        texts = [value] if isinstance(value, str) else value
        return [name.strip() for text in texts for name in text.split(",") if name.strip()]
    return WORDS.get(value, value) if question.kind == "switch" and isinstance(value, str) else value
