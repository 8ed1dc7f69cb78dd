"""Recipe: an operation on a cluster. Pages and commands know only what it declares here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from clusters.engine.question import NAME, Question
from clusters.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from clusters.config.schema import Document

    Answers = Mapping[str, Any]

DEFAULT = "create"
"""The recipe that creates a cluster. Pages show it separately; nothing else names a recipe."""

RESERVED = {
    "accept_host_keys", "acknowledge", "answered", "check", "csrfmiddlewaretoken", "digest", "filename", "force_color",
    "given", "help", "host_key", "key", "no_color", "owner", "preview", "pythonpath", "reason", "settings", "shown",
    "skip_checks", "traceback", "verb", "verbosity", "version", "waive", "yes",
}  # fmt: skip
"""Fields and options that every recipe has."""

ANY_STATE = ("draft", "failed", "ready")


@dataclass(frozen=True, slots=True)
class Phase:
    """Steps whose path begins with `name` belong to it; `title` is for people."""

    name: str
    title: str


def as_it_is(document: Document, answers: Answers) -> Document:
    """The document unchanged."""
    return document


@dataclass(frozen=True, slots=True)
class Recipe:
    """The graph determines the real order of steps, `phases` the reading order.

    `verb` is the word for the terminal, `title` the button, `summary` one sentence about it; a recipe without a summary
    is not offered to people. `heading` names its runs, `confirm` is what the terminal asks before it starts, `done`
    the message after a success: {name}, {version} and {machines} are the cluster's.
    `states` are the states of the cluster in which it may start. With `makes_ready` its success means that the cluster
    is ready, and its failure that it is incomplete; other recipes leave the cluster's state unchanged. `prechecks` are
    "all" or a list of ids, in addition to the one that reads machines. `machines` returns the names of those that take
    part; None means all. `prepare` makes the document of the run from the cluster's. Without `cancellable`, nobody can
    stop a run that a worker has started.
    """

    name: str
    title: str
    phases: tuple[Phase, ...]
    verb: str
    summary: str = ""
    questions: tuple[Question, ...] = ()
    states: tuple[str, ...] = ANY_STATE
    prechecks: Literal["all"] | tuple[str, ...] = "all"
    machines: Callable[[Document, Answers], Sequence[str]] | None = None
    prepare: Callable[[Document, Answers], Document] = as_it_is
    cancellable: bool = True
    makes_ready: bool = False
    warning: str = ""
    heading: str = ""
    confirm: str = ""
    done: str = ""

    def fill(self, sentence: str, document: Document) -> str:
        """A sentence of this recipe with the names of a cluster filled in."""
        words = {
            "{name}": document.name,
            "{version}": document.kubernetes.version,
            "{machines}": ", ".join(host.name for host in document.hosts),
        }
        for place, word in words.items():
            sentence = sentence.replace(place, word)
        return sentence


RECIPES: dict[str, Recipe] = {}


def recipe(name: str, title: str, *phases: str | Phase, verb: str = "", **declared: Any) -> Recipe:
    """Declare a recipe; called by a file in `catalog/recipes/`. A phase of one plain word needs no title."""
    made = Recipe(
        name,
        title,
        tuple(each if isinstance(each, Phase) else Phase(each, each.capitalize()) for each in phases),
        verb or name,
        **{"heading": f"{title}: {{name}}", "confirm": f"{title}: {{name}}, on {{machines}}?", **declared},
    )
    _refuse_bad_names(made)
    RECIPES[name] = made
    return made


def recipe_called(name: str) -> Recipe:
    """The recipe of that name."""
    if name not in RECIPES:
        raise PlanError(f"{name!r} is not a recipe.", hint=f"Available: {', '.join(sorted(RECIPES)) or 'none'}.")
    return RECIPES[name]


def offered() -> tuple[Recipe, ...]:
    """The recipes that people can start: first the one that creates a cluster, then the others by title."""
    shown = [each for each in RECIPES.values() if each.summary]
    return tuple(sorted(shown, key=lambda each: (each.name != DEFAULT, each.title)))


def phase_title(name: str) -> str:
    """The title of a phase; of one that no recipe has, its name."""
    titles = (phase.title for each in RECIPES.values() if each.summary for phase in each.phases if phase.name == name)
    return next(titles, name.capitalize())


def _refuse_bad_names(made: Recipe) -> None:
    names = [question.name for question in made.questions]
    bad = [name for name in names if not NAME.fullmatch(name) or names.count(name) > 1 or name in RESERVED]
    if bad:
        raise PlanError(
            f"The recipe {made.name} has a question {bad[0]!r}.",
            hint="A name must be one word of a to z, digits and underscores, unique, and not an option of all recipes.",
        )
    same = [each for each in RECIPES.values() if each.verb == made.verb and each.name != made.name]
    if same:
        raise PlanError(f"The recipes {same[0].name} and {made.name} have the same verb.", hint="Change one of them.")
