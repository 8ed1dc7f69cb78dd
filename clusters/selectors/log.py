"""The log of a run: events after a number, and lines by place, machine, step, stream and text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.models import Event, Run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

# Rows read at once while looking for lines that fit.
PAGE = 200


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. `number` counts from 1 in the run, `at` is in seconds since the epoch."""

    number: int
    at: float
    host: str
    step: str
    stream: str
    text: str


def events_after(run: Run, seq: int, limit: int = 200) -> list[Event]:
    """The events with a greater number, in order."""
    return list(Event.objects.filter(run_id=run.pk, seq__gt=seq).order_by("seq")[:limit])


def log_lines(
    run: Run,
    *,
    after_line: int = 0,
    before_line: int | None = None,
    limit: int = 1000,
    host: str = "",
    step: str = "",
    stream: str = "",
    search: str = "",
) -> list[LogLine]:
    """Lines in order: the first `limit` after `after_line`, or with `before_line` the last `limit` before that.

    Filters are exact; `search` finds text anywhere in a line, whatever its case.
    """
    rows = Event.objects.filter(run_id=run.pk, kind="output")
    if host:
        rows = rows.filter(host=host)
    if step:
        rows = rows.filter(step=step)
    backwards = before_line is not None
    found: list[LogLine] = []
    for chunk in _chunks(rows, after_line, before_line):
        lines = [line for line in lines_in(chunk) if _fits(line, after_line, before_line, stream, search.casefold())]
        found.extend(reversed(lines) if backwards else lines)
        if len(found) >= limit:
            break
    found = found[:limit]
    return found[::-1] if backwards else found


def lines_in(chunk: Event) -> list[LogLine]:
    """The lines of one output event."""
    return [
        LogLine(chunk.first_line + place, at, chunk.host, chunk.step, stream, text)
        for place, (at, stream, text) in enumerate(chunk.data["lines"])
    ]


def _chunks(rows: QuerySet[Event], after_line: int, before_line: int | None) -> Iterator[Event]:
    """Chunks that may hold lines in that range, page by page: forwards, or with `before_line` backwards.

    Lines are numbered in the order of events, so the place in the log is found by the event's number.
    """
    seq = _seq_of(rows, after_line)
    if before_line is None:
        while page := list(rows.filter(seq__gte=seq).order_by("seq")[:PAGE]):
            yield from page
            seq = page[-1].seq + 1
        return
    last = _seq_of(rows, before_line)
    rows = rows.filter(seq__gte=seq)
    while page := list(rows.filter(seq__lte=last).order_by("-seq")[:PAGE]):
        yield from page
        last = page[-1].seq - 1


def _seq_of(rows: QuerySet[Event], line: int) -> int:
    """The number of the last chunk that begins at or before the line. Bisected: `first_line` has no index."""
    low, high = 0, rows.order_by("-seq").values_list("seq", flat=True).first() or 0
    while low < high:
        middle = (low + high + 1) // 2
        row = rows.filter(seq__lte=middle).order_by("-seq").values_list("seq", "first_line").first()
        if row is None or row[1] <= line:
            low = middle
        else:
            high = row[0] - 1
    return rows.filter(seq__lte=low).order_by("-seq").values_list("seq", flat=True).first() or 0


def _fits(line: LogLine, after: int, before: int | None, stream: str, search: str) -> bool:
    if line.number <= after or (before is not None and line.number >= before):
        return False
    if stream and line.stream != stream:
        return False
    return not search or search in line.text.casefold()
