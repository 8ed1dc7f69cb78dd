"""A run: the page, its two live parts, its log as JSON and as text, and the buttons."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, HttpResponseBadRequest, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from clusters import services
from clusters.errors import InstallerError
from clusters.models import StepRun
from clusters.selectors import log_lines, run_for, run_grid, run_summary
from clusters.web.nodes import nodes_of
from clusters.web.views.clusters import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest

    from clusters.models import Run
    from clusters.selectors import LogLine

LINES, MOST_LINES = 1000, 5000


@never_cache
@require_GET
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """The whole page; without JavaScript it shows how things stood when it was asked for."""
    run = run_for(request.user, pk)
    shape = run_grid(run, request.GET.get("open", ""))
    steps = [(row.step, row.title) for phase in shape.phases for row in phase.rows]
    return render(request, "runs/show.html", {**_header(run), "grid": shape, "steps": steps})


@never_cache
@require_GET
def header(request: HttpRequest, pk: int) -> HttpResponse:
    """State, percent, times, buttons, and the cards of failures or of the end."""
    return render(request, "runs/_header.html", _header(run_for(request.user, pk)))


@never_cache
@require_GET
def grid(request: HttpRequest, pk: int) -> HttpResponse:
    """Steps and machines."""
    run = run_for(request.user, pk)
    return render(request, "runs/_grid.html", {"run": run, "grid": run_grid(run, request.GET.get("open", ""))})


@never_cache
@require_GET
def log(request: HttpRequest, pk: int) -> HttpResponse:
    """Lines as [number, at, host, step, stream, text], and how far the run was when they were read.

    `after` or `before` is a line number; without either, the newest lines. Whoever goes on from `last_seq` by the
    socket and drops lines up to `last_line` has every line once.
    """
    run = run_for(request.user, pk)
    try:
        after, before = _number(request, "after"), _number(request, "before")
        limit = min(_number(request, "limit") or LINES, MOST_LINES)
    except ValueError:
        return HttpResponseBadRequest("after, before and limit are whole numbers.", content_type="text/plain")
    place: dict[str, Any] = {"after_line": after} if after is not None else {"before_line": run.last_line + 1}
    if before is not None:
        place["before_line"] = min(before, run.last_line + 1)
    wanted = {key: request.GET.get(key, "") for key in ("host", "step", "stream", "search")}
    lines = log_lines(run, limit=limit, **place, **wanted)
    rows = [[line.number, line.at, line.host, line.step, line.stream, line.text] for line in lines]
    said = {"lines": rows, "more": len(rows) == limit, "state": run.state}
    return JsonResponse({**said, "last_seq": run.last_seq, "last_line": run.last_line})


@never_cache
@require_GET
def log_text(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """The whole log as a file, read page by page."""
    run = run_for(request.user, pk)
    headers = {"Content-Disposition": f'attachment; filename="run-{run.pk}.txt"'}
    return StreamingHttpResponse(_text(run), content_type="text/plain; charset=utf-8", headers=headers)


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask the run to stop."""
    run = run_for(request.user, pk)
    services.run_cancel(actor=request.user, run=run)
    return redirect("run", pk=run.pk)


@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Another attempt; what stands in the way is shown on the review page."""
    run = run_for(request.user, pk)
    try:
        again = services.run_retry(actor=request.user, run=run)
    except InstallerError as error:
        say(request, error)
        return redirect("wizard", pk=run.cluster_id, slug="review")
    return redirect("run", pk=again.pk)


def _header(run: Run) -> dict[str, Any]:
    summary = run_summary(run)
    titles = dict(StepRun.objects.filter(run_id=run.pk).values_list("step", "title"))
    failures = [{**failure, "title": titles.get(failure.get("step"), "")} for failure in summary.failures]
    return {
        "run": run,
        "cluster": run.cluster,
        "summary": summary,
        "failures": failures,
        "nodes": nodes_of(run.cluster) if run.state == run.State.SUCCEEDED else [],
        "newer": run.cluster.runs.filter(pk__gt=run.pk).values_list("pk", flat=True).first(),
    }


def _number(request: HttpRequest, name: str) -> int | None:
    value = request.GET.get(name, "")
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 16):
        raise ValueError(name)
    return int(value)


def _text(run: Run) -> Iterator[str]:
    after = 0
    while lines := log_lines(run, after_line=after, limit=MOST_LINES):
        yield "".join(_line(line) for line in lines)
        after = lines[-1].number


def _line(line: LogLine) -> str:
    at = datetime.fromtimestamp(line.at, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{at} {line.host or '-'} {line.text}\n"
