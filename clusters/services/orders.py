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
from clusters.models import Cluster, Run
from clusters.runs.documents import read_document
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
    """What is to be done to a cluster, and with which document; `cluster` is as the document of the order has it."""

    recipe: Recipe
    answers: dict[str, Any]
    document: Document = field(repr=False)
    cluster: Cluster


def order_for(cluster: Cluster, name: str, given: Mapping[str, Any], instead: Document | None = None) -> Order:
    """The order of a recipe for the cluster's document, or for another one `instead`.

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
    return Order(recipe, answers, document, seen)


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
