"""The log of a run: as JSON for its page, and as downloads, during the run and after it."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpResponse, HttpResponseBadRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from clusters import services
from clusters.numbers import whole_number
from clusters.selectors import BadPattern, log_hits, log_lines, needle, run_for
from clusters.web.downloads import stream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from django.http import StreamingHttpResponse

    from clusters.models import Run
    from clusters.selectors import LogLine
    from clusters.selectors.log_search import Needle
    from clusters.services.requests import UserRequest

LINES, MOST_LINES = 1000, 5000
FILTERS = ("host", "step", "stream", "search")
CHUNK_BYTES = 256 * 1024


@never_cache
@require_GET
def log(request: UserRequest, pk: int) -> HttpResponse:
    """Lines as [number, at, host, step, stream, text], and how far the run was when they were read.

    With `regex=yes` the search is a regular expression; each line ends with the parts of it that match. With `all=yes`
    lines that do not match are included, too.
    `after` or `before` is a line number, `around` one that must be among the lines; without any, the newest lines.
    `older` and `newer` show whether there are more on either side. A client that continues from `last_seq` over the
    socket and drops lines up to `last_line` gets every line once.
    """
    run = run_for(request.user, pk)
    try:
        after, before, around = (_number(request, name) for name in ("after", "before", "around"))
        limit = min(_number(request, "limit") or LINES, MOST_LINES)
    except ValueError:
        text = "after, before, around and limit must be whole numbers."
        return HttpResponseBadRequest(text, content_type="text/plain")
    try:
        return JsonResponse(_page(run, request, after, before, around, limit))
    except BadPattern as error:
        return HttpResponseBadRequest(error.message, content_type="text/plain; charset=utf-8")


def _page(
    run: Run, request: UserRequest, after: int | None, before: int | None, around: int | None, limit: int
) -> dict[str, Any]:
    wanted, sought = _wanted(request)
    if request.GET.get("all") == "yes":
        wanted["search"] = ""
    end = run.last_line + 1
    if around is not None:
        first = log_lines(run, before_line=min(around, end), limit=max(1, limit // 2), **wanted)
        then = log_lines(run, after_line=around - 1 if around else 0, limit=max(1, limit // 2), **wanted)
        then = [line for line in then if line.number < end]
        older, newer = len(first) >= limit // 2, len(then) >= limit // 2
        lines = [*first, *then]
    elif after is not None:
        lines = log_lines(run, after_line=after, limit=limit, **wanted)
        older, newer = after > 0, len(lines) == limit
        lines = [line for line in lines if line.number < end]
    else:
        lines = log_lines(run, before_line=min(before or end, end), limit=limit, **wanted)
        older, newer = len(lines) == limit, (before or end) < end
    page = {"lines": _rows(lines, sought), "older": older, "newer": newer, "state": run.state}
    return {**page, "last_seq": run.last_seq, "last_line": run.last_line}


def _wanted(request: UserRequest) -> tuple[dict[str, Any], Needle | None]:
    """The filter of the log, and its regular expression, if it has one. Raises BadPattern."""
    wanted: dict[str, Any] = {key: request.GET.get(key, "") for key in FILTERS}
    if not wanted["search"] or request.GET.get("regex") != "yes":
        return wanted, None
    sought = wanted["search"] = needle(wanted["search"], pattern=True)
    return wanted, sought


@never_cache
@require_GET
def hits(request: UserRequest, pk: int) -> HttpResponse:
    """How many lines after `after` match, up to `last_line`; `line` is the `place`-th of them.

    If there are too many to count in time, `all` is false, and there are more. For the next hit after a line, or the
    last before it, use `log` with `limit=1`.
    """
    run = run_for(request.user, pk)
    try:
        after, line = (_number(request, name) or 0 for name in ("after", "line"))
        wanted, _sought = _wanted(request)
        found = log_hits(run, after_line=after, line=line, seconds=settings.SLIPWAY_COUNT_SECONDS, **wanted)
    except ValueError:
        return HttpResponseBadRequest("after and line must be whole numbers.", content_type="text/plain")
    except BadPattern as error:
        return HttpResponseBadRequest(error.message, content_type="text/plain; charset=utf-8")
    return JsonResponse({**asdict(found), "last_line": run.last_line})


@never_cache
@require_GET
def log_text(request: UserRequest, pk: int) -> StreamingHttpResponse:
    """The whole log as a text file; with `times=no` only the output."""
    run = run_for(request.user, pk)
    pages = services.run_log(actor=request.user, run=run, times=request.GET.get("times") != "no")
    return stream((page.encode() for page in pages), f"run-{run.pk}.txt", "text/plain; charset=utf-8", request.user.pk)


@never_cache
@require_GET
def log_events(request: UserRequest, pk: int) -> StreamingHttpResponse:
    """Every event as a line of JSON."""
    run = run_for(request.user, pk)
    pages = services.run_events(actor=request.user, run=run)
    return stream((page.encode() for page in pages), f"run-{run.pk}.jsonl", "application/jsonl", request.user.pk)


@never_cache
@require_GET
def bundle(request: UserRequest, pk: int) -> StreamingHttpResponse:
    """The support bundle."""
    run = run_for(request.user, pk)
    # Before anything is sent: no bundle without an entry in the audit.
    write = services.run_bundle(actor=request.user, run=run)
    return stream(_bundle(write), f"run-{run.pk}-support.zip", "application/zip", request.user.pk)


def _bundle(write: Callable[[IO[bytes]], None]) -> Generator[bytes, None, None]:
    with tempfile.TemporaryFile() as file:
        write(file)
        file.seek(0)
        while part := file.read(CHUNK_BYTES):
            yield part


def _rows(lines: list[LogLine], sought: Needle | None) -> list[list[Any]]:
    rows: list[list[Any]] = [[line.number, line.at, line.host, line.step, line.stream, line.text] for line in lines]
    return rows if sought is None else [[*row, sought.marks(row[5])] for row in rows]


def _number(request: UserRequest, name: str) -> int | None:
    value = request.GET.get(name, "")
    if not value:
        return None
    if (number := whole_number(value)) is None:
        raise ValueError(name)
    return number
