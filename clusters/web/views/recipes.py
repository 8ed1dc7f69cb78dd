"""A recipe and a cluster: the page that asks its questions, shows a preview, and starts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from clusters import services
from clusters.catalog.recipes import recipes_by_name
from clusters.engine.question import AnswersRefused
from clusters.errors import InstallerError
from clusters.selectors import cluster_for
from clusters.web.recipe_form import answers_in, problems_of, recipe_form, refuse
from clusters.web.views.clusters import say

if TYPE_CHECKING:
    from typing import Any

    from django.http import HttpRequest, HttpResponse

    from clusters.engine.recipe import Recipe
    from clusters.models import Cluster


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def do(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """The page of a recipe for a cluster; POST starts it, or with `preview` only looks."""
    cluster = cluster_for(request.user, pk)
    recipe = recipes_by_name().get(name)
    if recipe is None:
        raise Http404("There is no such recipe.")
    try:
        document = services.document_of(cluster)
    except InstallerError as error:
        say(request, error)
        return redirect("cluster", pk=cluster.pk)
    form = recipe_form(recipe, document, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        answer = _started(request, cluster, recipe, form)
        if answer is not None:
            return answer
    context = {
        "cluster": cluster,
        "recipe": recipe,
        "form": form,
        "problems": problems_of(form),
        "allowed": services.is_allowed(recipe, cluster),
        "active": cluster.active_run,
    }
    return render(request, "clusters/do.html", context, status=422 if form.errors else 200)


def _started(request: HttpRequest, cluster: Cluster, recipe: Recipe, form: Any) -> HttpResponse | None:
    """The page of the run, or where to solve what stands in its way; None when an answer was refused."""
    is_preview = "preview" in request.POST
    start = services.run_preview if is_preview else services.run_start
    try:
        run = start(actor=request.user, cluster=cluster, recipe=recipe.name, answers=answers_in(form))
    except AnswersRefused as error:
        refuse(form, error.problems)
        return None
    except services.NotPossible as error:
        say(request, error)
        return redirect("cluster", pk=cluster.pk)
    except InstallerError as error:
        say(request, error)
        return redirect("wizard", pk=cluster.pk, slug="review")
    return redirect("run-preview" if is_preview else "run", pk=run.pk)
