"""What the page of a recipe shows of the document that the recipe would make with the answers given so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from clusters import services
from clusters.catalog.recipes import recipes_by_name
from clusters.engine.question import AnswersRefused
from clusters.engine.recipe import as_it_is
from clusters.errors import InstallerError
from clusters.web.recipe_form import answers_in
from clusters.web.recipe_words import fields_of
from clusters.wizard.pages.review import entries_of, grouped, texts_shown

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.http import QueryDict

    from clusters.engine.recipe import Recipe
    from clusters.models import Cluster
    from clusters.services import Order

ANSWERED = "answered"
"""The field that marks a form as filled in: a form of switches that are all off sends nothing else."""
LONGEST_ADDRESS = 8_000
"""Characters of an address with the answers; web servers refuse longer ones, so that the questions are asked again."""


def where_to_solve(cluster: Cluster, recipe: str, answers: dict[str, Any]) -> str:
    """The page on which findings of an order are solved and acknowledged."""
    known = recipes_by_name().get(recipe)
    if known is None or known.prepare is as_it_is:
        return reverse("wizard", args=[cluster.pk, "review"])
    return address_with(reverse("cluster-do", args=[cluster.pk, recipe]), [(ANSWERED, "yes"), *fields_of(answers)])


def answers_of(data: QueryDict, recipe: Recipe) -> dict[str, Any]:
    """The answers that an acknowledgement is for, as its form sends them again; `order_for` checks them."""
    found: dict[str, Any] = {}
    for question in recipe.questions:
        values = data.getlist(question.name)
        if question.kind == "machines":
            found[question.name] = values
        elif question.kind == "switch":
            found[question.name] = bool(values)
        else:
            found[question.name] = values[-1] if values else ""
    return found


def order_in(cluster: Cluster, recipe: Recipe, form: Any) -> Order | None:
    """The order of the answers so far; None where the form has refused one. Raises what `order_for` raises."""
    if form.is_bound and not form.is_valid():
        return None
    given = answers_in(form) if form.is_bound else {question.name: question.initial for question in recipe.questions}
    return services.order_for(cluster, recipe.name, given)


def order_shown(actor: User, cluster: Cluster, recipe: Recipe, form: Any) -> dict[str, Any]:
    """What templates ask for; of a recipe that leaves the document as it is, nothing.

    `refusal` is the reason why the answers make no order.
    """
    if recipe.prepare is as_it_is:
        return {}
    shown: dict[str, Any] = {"prepares": True, "go_on": _("Waive and go on anyway")}
    try:
        order = order_in(cluster, recipe, form)
    except InstallerError as error:
        # Nobody has given a wrong answer yet where the defaults are none.
        return shown if isinstance(error, AnswersRefused) and not form.is_bound else shown | {"refusal": error}
    return shown if order is None else shown | {"order": order} | _brought(actor, cluster, order)


def _brought(actor: User, cluster: Cluster, order: Order) -> dict[str, Any]:
    """What the order's document has that the cluster's does not, and what stands in the way of its start."""
    found = services.order_findings(order)
    fresh = {text.digest for text in found.texts}
    waiting = services.texts_unread(actor=actor, cluster=order.cluster)
    texts = texts_shown(order.cluster, order.document, cluster.document)
    at = reverse("cluster-do", args=[cluster.pk, order.recipe.name])
    fields = [(ANSWERED, "yes"), *fields_of(order.answers)]
    return {
        "differences": services.order_differences(order, cluster.document),
        "groups": grouped(entries_of(order.cluster, found.fresh)),
        "root_texts": [text for text in texts if text.digest in fresh],
        "blocking": sum(each.blocking for each in found.fresh),
        "unread": len(services.unread(order.cluster, found.fresh)),
        "to_read": sum(text.digest in fresh for text in waiting),
        "cannot_look": any(each.blocking for each in (*found.fresh, *found.shared)),
        "review_first": services.is_open(order, found.shared) or any(text.digest not in fresh for text in waiting),
        "waive_at": at,
        "read_at": at,
        "read_back": address_with(at, fields),
        "sent": fields,
    }


def address_with(page: str, fields: list[tuple[str, str]]) -> str:
    """The page with its questions answered."""
    address = f"{page}?{urlencode(fields)}"
    return address if len(address) <= LONGEST_ADDRESS else page
