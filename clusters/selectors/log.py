"""The log of a run: events after a number, and lines by number, machine, step, stream and text."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Q, TextField
from django.db.models.functions import Cast

from clusters.models import Event, Run
from clusters.selectors.log_search import needle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

    from clusters.selectors.log_search import Needle

# Rows in one read while searching for matching lines.
PAGE = 200
# Characters that are unescaped in JSON, and in every database's spelling of it.
PLAIN = re.compile(r"[A-Za-z0-9 ._/:=,@+()\[\]{}-]+")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. `number` counts from 1 in the run, `at` is in seconds since the epoch."""

    number: int
    at: float
    host: str
    step: str
    stream: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class EventText:
    """An event to be sent to browsers. `data` is JSON as stored: it is passed on without parsing."""

    seq: int
    at: float
    kind: str
    host: str
    step: str
    data: str
    first_line: int


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The filter for lines; `before` None means no end."""

    after: int
    before: int | None
    stream: str
    search: Needle | None

    def fits(self, line: LogLine) -> bool:
        if line.number <= self.after or (self.before is not None and line.number >= self.before):
            return False
        if self.stream and line.stream != self.stream:
            return False
        return self.search is None or self.search.fits(line.text)


def events_after(run_id: int, seq: int, limit: int = 200) -> list[EventText]:
    """The events of a run with a greater number, in order."""
    rows = Event.objects.filter(run_id=run_id, seq__gt=seq).order_by("seq")
    rows = rows.annotate(text=Cast("data", TextField()))
    columns = rows.values_list("seq", "at", "kind", "host", "step", "text", "first_line")
    return [EventText(seq, at.timestamp(), *rest) for seq, at, *rest in columns[:limit]]


def log_lines(
    run: Run,
    *,
    after_line: int = 0,
    before_line: int | None = None,
    limit: int = 1000,
    host: str = "",
    step: str = "",
    stream: str = "",
    search: str | Needle = "",
) -> list[LogLine]:
    """Lines in order: the first `limit` after `after_line`, or with `before_line` the last `limit` before that.

    Filters are exact; `search` finds text anywhere in a line, ignoring case, or whatever a Needle matches.
    """
    backwards = before_line is not None
    found: list[LogLine] = []
    for lines in fitting(run, after_line, before_line, host=host, step=step, stream=stream, search=search,
                         backwards=backwards):  # fmt: skip
        found.extend(reversed(lines) if backwards else lines)
        if len(found) >= limit:
            break
    found = found[:limit]
    return found[::-1] if backwards else found


def fitting(
    run: Run,
    after: int,
    before: int | None,
    *,
    host: str = "",
    step: str = "",
    stream: str = "",
    search: str | Needle = "",
    backwards: bool = False,
) -> Iterator[list[LogLine]]:
    """The matching lines between the two, chunk by chunk, in order or from the end; chunks may have no match."""
    sought = needle(search) if isinstance(search, str) and search else search or None
    rows = Event.objects.filter(run_id=run.pk, kind="output")
    wanted = _Wanted(after, before, stream, sought)
    places = _places(rows, wanted)
    if host:
        rows = rows.filter(host=host)
    if step:
        rows = rows.filter(step=step)
    for chunk in _chunks(_perhaps(rows, stream, sought.words if sought else ""), places, backwards=backwards):
        if sought is not None and not sought.perhaps([text for _at, _stream, text in chunk[3]["lines"]]):
            yield []
        else:
            yield [line for line in lines_in(*chunk) if wanted.fits(line)]


def lines_in(first: int, host: str, step: str, data: dict[str, Any]) -> Iterator[LogLine]:
    """The lines of one output event. Older runs have `stdout` where newer ones have `out`."""
    for place, (at, stream, text) in enumerate(data["lines"]):
        yield LogLine(first + place, at, host, step, stream.removeprefix("std"), text)


def _perhaps(rows: QuerySet[Event], stream: str, search: str) -> QuerySet[Event]:
    """Without the chunks in which, as the database can quickly find out, no line can match.

    The longest plain part of the search text is unescaped in the stored JSON. A letter outside of ASCII is stored as
    its code, in lower or upper case, or in PostgreSQL as itself.
    """
    plain = max(PLAIN.findall(search), key=len, default="").strip()
    strange = next((letter for letter in search if not letter.isascii()), "")
    words = [{plain}] if plain else []
    words += [{f'"{stream}"', f'"std{stream}"'}] if stream else []
    if strange:
        both = {strange.lower(), strange.upper()}
        words.append({json.dumps(letter)[1:-1] for letter in both} if connection.vendor == "sqlite" else both)
    if not words:
        return rows
    rows = rows.alias(json_text=Cast("data", TextField()))
    for spellings in words:
        rows = rows.filter(reduce(or_, (Q(json_text__icontains=word) for word in spellings)))
    return rows


def _places(rows: QuerySet[Event], wanted: _Wanted) -> tuple[int, int | None]:
    """The first and the last event that may have lines in the range."""
    first = _seq_of(rows, wanted.after) if wanted.after else 0
    return first, None if wanted.before is None else _seq_of(rows, wanted.before)


def _chunks(
    rows: QuerySet[Event], places: tuple[int, int | None], *, backwards: bool
) -> Iterator[tuple[int, str, str, dict[str, Any]]]:
    """(first line, machine, step, data) of the chunks in the range, page by page, in order or from its end."""
    low, high = places
    columns = ("seq", "first_line", "host", "step", "data")
    while True:
        part = rows.filter(seq__gte=low)
        if high is not None:
            part = part.filter(seq__lte=high)
        page = list(part.order_by("-seq" if backwards else "seq").values_list(*columns)[:PAGE])
        yield from (row[1:] for row in page)
        if len(page) < PAGE:
            return
        if backwards:
            high = page[-1][0] - 1
        else:
            low = page[-1][0] + 1


def _seq_of(rows: QuerySet[Event], line: int) -> int:
    """The number of the last chunk that starts at or before the line. By bisection: `first_line` has no index."""
    low, high = 0, rows.order_by("-seq").values_list("seq", flat=True).first() or 0
    while low < high:
        middle = (low + high + 1) // 2
        row = rows.filter(seq__lte=middle).order_by("-seq").values_list("seq", "first_line").first()
        if row is None or row[1] <= line:
            low = middle
        else:
            high = row[0] - 1
    return rows.filter(seq__lte=low).order_by("-seq").values_list("seq", flat=True).first() or 0
