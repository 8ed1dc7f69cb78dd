"""A recipe and a cluster: the page that asks its questions, shows what it brings and a preview, and starts it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from clusters import services
from clusters.catalog.recipes import recipes_by_name
from clusters.engine.question import AnswersRefused
from clusters.engine.recipe import as_it_is
from clusters.errors import InstallerError
from clusters.numbers import whole_number
from clusters.selectors import cluster_for
from clusters.services.drafts import refuse_while_busy
from clusters.web.order_page import ANSWERED, address_with, answers_of, order_shown, where_to_solve
from clusters.web.passwords import password_again
from clusters.web.recipe_form import answers_in, problems_of, recipe_form, refuse
from clusters.web.recipe_words import fields_of
from clusters.web.views.clusters import say
from clusters.wizard.pages.review import texts_shown

if TYPE_CHECKING:
    from typing import Any

    from django.http import HttpResponse

    from clusters.engine.recipe import Recipe
    from clusters.models import Cluster
    from clusters.services.requests import UserRequest


ACKNOWLEDGES = {"key", "digest"}
"""Fields of the forms that acknowledge something."""


def _recipe_or_404(name: str) -> Recipe:
    recipe = recipes_by_name().get(name)
    if recipe is None:
        raise Http404("There is no such recipe.")
    return recipe


def _is_masked(request: UserRequest) -> bool:
    """Whether a text is acknowledged that was shown with masks: nobody has read what stands behind them."""
    digest = request.POST.get("digest")
    if not digest:
        return False
    place = request.resolver_match.kwargs
    cluster, recipe = cluster_for(request.user, place["pk"]), _recipe_or_404(place["name"])
    try:
        order = services.order_for(cluster, recipe.name, answers_of(request.POST, recipe))
    except InstallerError:
        return False  # the page gives the sentence; nothing is acknowledged
    texts = texts_shown(order.cluster, order.document, cluster.document)
    return any(text.masked for text in texts if text.digest == digest)


def _page_with_answers(request: UserRequest) -> str:
    place = request.resolver_match.kwargs
    answers = answers_of(request.POST, _recipe_or_404(place["name"]))
    return address_with(reverse("cluster-do", kwargs=place), [(ANSWERED, "yes"), *fields_of(answers)])


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@password_again(when=_is_masked, back=_page_with_answers)
def do(request: UserRequest, pk: int, name: str) -> HttpResponse:
    """The page of a recipe for a cluster; POST starts it, or with `preview` only looks.

    With `check`, POST shows what the answers bring; with `key` or `digest` it acknowledges a part of that.
    """
    cluster, recipe = cluster_for(request.user, pk), _recipe_or_404(name)
    try:
        document = services.document_of(cluster)
    except InstallerError as error:
        say(request, error)
        return redirect("cluster", pk=cluster.pk)
    answered = request.POST if request.method == "POST" else request.GET if ANSWERED in request.GET else None
    form = recipe_form(recipe, document, answered)
    problem = None
    try:
        if not ACKNOWLEDGES.isdisjoint(request.POST):
            _acknowledge(request, cluster, recipe)
        elif request.method == "POST" and "check" not in request.POST and form.is_valid():
            return _started(request, cluster, recipe, form)
    except InstallerError as error:
        problem = error
    return _page(request, cluster, recipe, form, problem)


def _page(
    request: UserRequest, cluster: Cluster, recipe: Recipe, form: Any, problem: InstallerError | None
) -> HttpResponse:
    """The page as the cluster is by now, with the answers that were given."""
    cluster.refresh_from_db()
    active = cluster.active_run
    allowed = services.is_allowed(recipe, cluster)
    # Also where it cannot start: another attempt of an older run needs the same acknowledgements.
    shown = order_shown(request.user, cluster, recipe, form) if active is None else {}
    error = problem or shown.pop("refusal", None)
    if isinstance(error, AnswersRefused):
        refuse(form, error.problems)
    elif error is not None:
        shown["problem"] = _sentence(error)
    shown |= {"cluster": cluster, "recipe": recipe, "form": form, "problems": problems_of(form)}
    shown |= {"allowed": allowed, "active": active}
    status = HTTPStatus.OK
    if isinstance(problem, services.DraftRefused):
        status = HTTPStatus.CONFLICT
    elif request.method == "POST" and "check" not in request.POST and (form.errors or error):
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    return render(request, "clusters/do.html", shown, status=status)


def _sentence(error: InstallerError) -> str:
    """The sentence without a hint that leads to the Review page: the texts to read are on this one."""
    if isinstance(error, services.WarningsUnread | services.TextsUnread):
        return _("Nothing was started. %(why)s") % {"why": error.message}
    return error.with_hint


def _acknowledge(request: UserRequest, cluster: Cluster, recipe: Recipe) -> None:
    """Acknowledge a finding or a text of the order's document, or take that back. Raises InstallerError."""
    refuse_while_busy(cluster)
    order: dict[str, Any] = {"actor": request.user, "cluster": cluster, "recipe": recipe.name}
    order["answers"] = answers_of(request.POST, recipe)
    if digest := request.POST.get("digest", ""):
        if not services.text_acknowledge(**order, digest=digest):
            messages.error(request, _("The text was changed since this page was opened. Read it as it is now."))
            return
    else:
        key, given = request.POST.get("key", ""), bool(request.POST.get("given"))
        services.waiver_set(**order, key=key, given=given, reason=request.POST.get("reason", ""))
        if not given and not request.htmx:
            messages.success(request, _("Taken back."))
            return
    if not request.htmx:
        messages.success(request, _("Noted."))


def _started(request: UserRequest, cluster: Cluster, recipe: Recipe, form: Any) -> HttpResponse:
    """The page of the run, or where to solve what stands in its way. Raises InstallerError for what this page shows."""
    is_preview = "preview" in request.POST
    start = services.run_preview if is_preview else services.run_start
    version = whole_number(request.POST.get("shown", ""), digits=9)
    try:
        run = start(actor=request.user, cluster=cluster, recipe=recipe.name, answers=answers_in(form), version=version)
    except (AnswersRefused, services.DraftConflict):
        raise
    except services.NotPossible as error:
        say(request, error)
        return redirect("cluster", pk=cluster.pk)
    except InstallerError as error:
        if recipe.prepare is not as_it_is:
            raise
        say(request, error)
        return redirect(where_to_solve(cluster, recipe.name, {}))
    return redirect("run-preview" if is_preview else "run", pk=run.pk)
