"""Orders: a recipe with its answers and the document that it makes of a cluster's, checked before a run is queued."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from clusters.catalog.recipes import recipes
from clusters.engine.question import check_answers
from clusters.engine.recipe import recipe_called
from clusters.errors import ConfigError
from clusters.models import Cluster, Run
from clusters.runs.documents import UnreadableDocument, read_document
from clusters.services.drafts import text_with
from clusters.services.reasons import NotPossible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.config.schema import Document
    from clusters.engine.recipe import Recipe


class StateRefused(NotPossible):
    """The recipe may not start in the state that the cluster is in."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done to a cluster, and with which document; `cluster` is as the document of the order has it.

    `before` is the document that the recipe was given.
    """

    recipe: Recipe
    answers: dict[str, Any]
    document: Document = field(repr=False)
    cluster: Cluster
    before: Document = field(repr=False)

    @property
    def has_own_document(self) -> bool:
        """Whether the recipe made another document than it was given."""
        return self.document != self.before


def order_for(cluster: Cluster, name: str, given: Mapping[str, Any], instead: Document | None = None) -> Order:
    """The order of a recipe for the cluster's document, or for another one `instead`.

    The document of the order is what its run will read from text, not what the recipe has in memory.
    Raises AnswersRefused, ConfigError for a document that cannot be read, PlanError.
    """
    recipes()
    recipe = recipe_called(name)
    stored = read_document(cluster.document)
    present = instead or stored
    answers = check_answers(recipe.questions, present, given)
    document = recipe.prepare(present, answers)
    seen = copy.copy(cluster)
    if document != stored:
        # What a person has to acknowledge is in the document of the run, not in that of the draft.
        seen.document = text_with(cluster.document, document)
        document = _read_again(recipe, seen.document)
    return Order(recipe, answers, document, seen, present)


def _read_again(recipe: Recipe, text: str) -> Document:
    """The document that a recipe made, as a run reads it."""
    try:
        return read_document(text)
    except UnreadableDocument as error:
        words = {"title": recipe.title, "why": error.message}
        raise ConfigError(_("“%(title)s” makes a document that cannot be used. %(why)s") % words) from error


def as_ordered(cluster: Cluster, recipe: str, answers: Mapping[str, Any] | None) -> Cluster:
    """The cluster with the document that a `recipe` makes with these answers; without a recipe the cluster itself."""
    return order_for(cluster, recipe, answers or {}).cluster if recipe else cluster


def for_recipe(recipe: str) -> dict[str, str]:
    """What the audit notes of the recipe on whose page something was acknowledged, if it was on one."""
    return {"recipe": recipe} if recipe else {}


def settled_state(cluster: Cluster) -> str:
    """The cluster's state; one that a broken run left behind counts as failed."""
    return str(Cluster.State.FAILED if cluster.state in Cluster.BUSY else cluster.state)


def is_allowed(recipe: Recipe, cluster: Cluster) -> bool:
    """Whether the recipe may start in the cluster's state."""
    return settled_state(cluster) in recipe.states


def refuse_state(recipe: Recipe, cluster: Cluster) -> None:
    """Raises StateRefused when no run is active and the cluster's state is none in which the recipe may start."""
    if is_allowed(recipe, cluster) or cluster.active_run is not None:
        return
    allowed = [str(label) for state, label in Cluster.State.choices if state in recipe.states]
    words = {"title": recipe.title, "name": cluster.name, "state": cluster.get_state_display()}
    raise StateRefused(
        _("“%(title)s” cannot start: the state of %(name)s is “%(state)s”.") % words,
        hint=_("It needs the state %(states)s.") % {"states": get_text_list([f"“{one}”" for one in allowed], _("or"))},
    )


def the_same(active: Run, order: Order, *, preview: bool) -> Run:
    """The active run, when it does what was asked for. Raises NotPossible when it does something else."""
    same = (active.recipe, active.answers) == (order.recipe.name, order.answers)
    if same and active.is_preview == preview:
        return active
    raise NotPossible(
        _("Run %(run)s works with %(name)s, so nothing else can start.")
        % {"run": active.pk, "name": active.cluster.name},
        hint=_("Wait for its end, or cancel it."),
    )


def is_outdated(run: Run) -> bool:
    """Whether the same order would have another document now than this run had."""
    if run.cluster.document == run.document:
        return False
    return order_for(run.cluster, run.recipe, run.answers).cluster.document != run.document
