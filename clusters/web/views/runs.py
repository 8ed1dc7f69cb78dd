"""A run: the page and its tabs, its live parts, and the buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from clusters import services
from clusters.engine.check import PRECHECK
from clusters.errors import InstallerError
from clusters.numbers import whole_number
from clusters.selectors import (
    attempts_of,
    late_steps,
    likely_causes,
    run_acknowledgements,
    run_ending,
    run_facts,
    run_findings,
    run_for,
    run_grid,
    run_place,
    run_plan,
    run_preview_seen,
    run_summary,
    run_timeline,
    steps_of,
    worker_seen,
)
from clusters.web.disk import disk_left
from clusters.web.nodes import nodes_of
from clusters.web.order_page import where_to_solve
from clusters.web.recipe_words import words_of
from clusters.web.timeline import drawing
from clusters.web.views.clusters import say

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clusters.models import Run
    from clusters.services.requests import UserRequest

PREVIEW = ("run-preview", _("Preview"))
TABS = (("run", _("Log")), ("run-timeline", _("Timeline")), ("run-plan", _("Plan")), ("run-facts", _("Facts")))


@never_cache
@require_GET
def show(request: UserRequest, pk: int) -> HttpResponse:
    """The page with its log; without JavaScript it shows the state at the time of the request."""
    run = run_for(request.user, pk)
    shape = run_grid(run, request.GET.get("open", ""))
    steps = [(row.step, row.title) for phase in shape.phases for row in phase.rows]
    return render(request, "runs/show.html", {**_page(run, "run"), "grid": shape, "steps": steps})


@never_cache
@require_GET
def preview(request: UserRequest, pk: int) -> HttpResponse:
    """What a run of this recipe would change, in full for one machine; other runs redirect to their log."""
    run = run_for(request.user, pk)
    if not run.is_preview:
        return redirect("run", pk=run.pk)
    machine = request.GET.get("machine", "")
    # The page shows the same machine after a refresh.
    query = f"?{urlencode({'machine': machine})}" if machine else ""
    seen = run_preview_seen(run, machine)
    return _tab(request, run, "preview", {"seen": seen, "outdated": _is_outdated(run), "query": query})


@never_cache
@require_GET
def timeline(request: UserRequest, pk: int) -> HttpResponse:
    """When each step ran, and which steps determined the duration of the run."""
    run = run_for(request.user, pk)
    found = run_timeline(run)
    return _tab(request, run, "timeline", {"timeline": found, "drawing": drawing(found)})


@never_cache
@require_GET
def plan(request: UserRequest, pk: int) -> HttpResponse:
    """The steps, what each waits for, and its expected duration."""
    run = run_for(request.user, pk)
    return _tab(request, run, "plan", {"plan": run_plan(run)})


@never_cache
@require_GET
def facts(request: UserRequest, pk: int) -> HttpResponse:
    """The facts of the machines, and the findings of the prechecks."""
    run = run_for(request.user, pk)
    shown = {"facts": run_facts(run), "findings": run_findings(run), "acknowledgements": run_acknowledgements(run)}
    return _tab(request, run, "facts", shown)


@never_cache
@require_GET
def header(request: UserRequest, pk: int) -> HttpResponse:
    """State, percent, times, buttons, and the cards for failures or the result; `brief` on the other tabs."""
    brief = request.GET.get("brief") == "yes"
    return render(request, "runs/_header.html", {**_header(run_for(request.user, pk)), "brief": brief})


@never_cache
@require_GET
def grid(request: UserRequest, pk: int) -> HttpResponse:
    """Steps and machines."""
    run = run_for(request.user, pk)
    return render(request, "runs/_grid.html", {"run": run, "grid": run_grid(run, request.GET.get("open", ""))})


@never_cache
@require_GET
def summary(request: UserRequest, pk: int) -> HttpResponse:
    """One page to print or share: what was requested, what was done, how it ended."""
    run = run_for(request.user, pk)
    found = run_timeline(run)
    more = {"findings": run_findings(run), "plan": run_plan(run), "facts": run_facts(run), "notices": run.notices.all()}
    more |= {"acknowledgements": run_acknowledgements(run), "timeline": found, "drawing": drawing(found)}
    return render(request, "runs/summary.html", {**_header(run), **more})


@require_POST
def cancel(request: UserRequest, pk: int) -> HttpResponse:
    """Ask the run to stop."""
    run = run_for(request.user, pk)
    try:
        services.run_cancel(actor=request.user, run=run)
    except services.NotPossible as error:
        say(request, error)
    return redirect("run", pk=run.pk)


@require_POST
def retry(request: UserRequest, pk: int) -> HttpResponse:
    """A new attempt: from the beginning, `from` a step, or only a `step`."""
    run = run_for(request.user, pk)
    step, first = request.POST.get("step", ""), request.POST.get("from", "")
    try:
        if step:
            again = services.run_retry_step(actor=request.user, run=run, step=step)
        elif first:
            again = services.run_retry_from(actor=request.user, run=run, step=first)
        else:
            again = services.run_retry(actor=request.user, run=run)
    except services.NotPossible as error:
        say(request, error)
        return redirect("run", pk=run.pk)
    except InstallerError as error:
        say(request, error)
        return redirect(where_to_solve(run.cluster, run.recipe, run.answers))
    return redirect("run", pk=again.pk)


@require_POST
def waive(request: UserRequest, pk: int) -> HttpResponse:
    """A new attempt in which a precheck does not block, with a reason that is saved."""
    run = run_for(request.user, pk)
    check, reason = request.POST.get("check", ""), request.POST.get("reason", "")
    try:
        again = services.run_waive(actor=request.user, run=run, check=check, reason=reason)
    except InstallerError as error:
        say(request, error)
        return redirect("run", pk=run.pk)
    return redirect("run", pk=again.pk)


@require_POST
def wait(request: UserRequest, pk: int) -> HttpResponse:
    """Give a running step more time on one machine."""
    run = run_for(request.user, pk)
    form = request.POST
    given = whole_number(form.get("given", ""))
    given = -1 if given is None else given  # -1 never matches, so no time is granted
    try:
        services.run_wait_longer(
            actor=request.user, run=run, step=form.get("step", ""), host=form.get("host", ""), given=given
        )
    except InstallerError as error:
        say(request, error)
    return redirect("run", pk=run.pk)


def _tab(request: UserRequest, run: Run, name: str, more: dict[str, Any]) -> HttpResponse:
    """The whole page, or for htmx only the content of the tab."""
    if request.headers.get("HX-Request"):
        return render(request, f"runs/_{name}.html", {"run": run, **more})
    part = f"runs/_{name}.html"
    return render(request, "runs/tab.html", {**_page(run, f"run-{name}"), "part": part, **more})


def _page(run: Run, tab: str) -> dict[str, Any]:
    tabs = (PREVIEW, *TABS) if run.is_preview else TABS
    return {**_header(run), "tabs": tabs, "tab": tab, "brief": tab != "run"}


def _is_outdated(run: Run) -> bool:
    try:
        return services.is_outdated(run)
    except InstallerError:
        return True


def _header(run: Run) -> dict[str, Any]:
    summary = run_summary(run)
    titles = {step.step: step.title for step in steps_of(run)}
    failures = [
        {
            **failure,
            "title": titles.get(str(failure.get("step", "")), ""),
            "causes": likely_causes(failure),
            "waivable": services.waivable(str(failure.get("step", ""))),
        }
        for failure in summary.failures
    ]
    succeeded = run.state == run.State.SUCCEEDED and run.part not in (run.Part.STEP, run.Part.PREVIEW)
    return {
        "run": run,
        "cluster": run.cluster,
        "summary": summary,
        "failures": failures,
        "precheck_failed": any(str(each.get("step", "")).startswith(f"{PRECHECK}/") for each in failures),
        "late": late_steps(run),
        "ending": run_ending(run),
        "attempts": attempts_of(run),
        "place": run_place(run),
        "worker": worker_seen() if run.state == run.State.QUEUED else None,
        "disk_left": disk_left() if run.active else None,
        "nodes": nodes_of(run.cluster) if succeeded else [],
        "newer": _newer(run),
        "words": words_of(run),
        "cancellable": services.may_be_cancelled(run),
    }


def _newer(run: Run) -> int | None:
    """The newest attempt, if there is one after this run."""
    later = run.cluster.runs.filter(pk__gt=run.pk).exclude(part=run.Part.PREVIEW)
    return later.values_list("pk", flat=True).first()
