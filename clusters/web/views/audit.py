"""The audit for administrators and auditors: filters, pages, downloads, and the state of its forwarding."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from clusters import services
from clusters.models.audit_chain import FIELDS
from clusters.numbers import whole_number
from clusters.selectors import audit_entries, audit_head, worker_seen
from clusters.selectors.forwarding import forwards
from clusters.services.auditors import READ_AUDIT
from clusters.web.audit_form import AuditForm
from clusters.web.audit_words import words_for
from clusters.web.downloads import stream

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from django.http import HttpResponse, HttpResponseBase

    from clusters.models import AuditEntry
    from clusters.services.requests import UserRequest

ON_A_PAGE = 50
LINES_AT_ONCE = 200
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Spreadsheets treat a cell that starts with one of these as a formula."""


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as the page shows it."""

    entry: AuditEntry
    action: str
    details: str


@never_cache
@require_GET
def show(request: UserRequest) -> HttpResponse:
    """Entries, newest first; `before` and `after` are entry numbers at the edges of a page."""
    _may_read(request)
    form = AuditForm(request.GET)
    rows, older, newer = _page(request, form) if form.is_valid() else ([], 0, 0)
    asked = {name: value for name, value in request.GET.items() if name in form.fields and value}
    count, digest = audit_head()
    context = {"form": form, "rows": rows, "older": older, "newer": newer, "asked": urlencode(asked)}
    context |= {"filtered": bool(asked), "count": count, "digest": digest, "forwards": forwards()}
    context["worker"] = worker_seen()
    return render(request, "audit/show.html", context)


@require_POST
def forwarding(request: UserRequest) -> HttpResponse:
    """Retry a receiver."""
    _may_read(request)
    services.audit_forward_again(actor=request.user, way=request.POST.get("way", ""))
    messages.success(request, _("Waiting entries are due now. The next free worker sends them."))
    return redirect("audit")


@never_cache
@require_GET
def as_csv(request: UserRequest) -> HttpResponseBase:
    """The matching entries as a table for spreadsheets."""
    return _download(request, "csv", "text/csv; charset=utf-8", _csv_lines)


@never_cache
@require_GET
def as_jsonl(request: UserRequest) -> HttpResponseBase:
    """The matching entries, one JSON object a line, with everything that their hashes cover."""
    return _download(request, "jsonl", "application/jsonl", _json_lines)


def _may_read(request: UserRequest) -> None:
    if not request.user.has_perm(READ_AUDIT):
        raise Http404("There is no such page.")


def _page(request: UserRequest, form: AuditForm) -> tuple[list[Row], int, int]:
    """The rows, and the entry numbers from which older and newer ones follow; 0 if there are none."""
    found = audit_entries(form.wanted())
    before, after = _number(request, "before"), _number(request, "after")
    if after:
        page = list(reversed(found.filter(number__gt=after).order_by("number")[:ON_A_PAGE]))
    else:
        page = list((found.filter(number__lt=before) if before else found)[:ON_A_PAGE])
    if not page:
        return [], 0, 0
    first, last = page[0].number, page[-1].number
    older = last if found.filter(number__lt=last).exists() else 0
    newer = first if found.filter(number__gt=first).exists() else 0
    return [Row(each, words_for(each.deed), _details(each)) for each in page], older, newer


def _details(entry: AuditEntry) -> str:
    return json.dumps(entry.details, indent=1, ensure_ascii=False, sort_keys=True) if entry.details else ""


def _download(request: UserRequest, form: str, kind: str, lines: Any) -> HttpResponseBase:
    _may_read(request)
    asked = AuditForm(request.GET)
    if not asked.is_valid():
        return HttpResponseBadRequest("The filters are invalid.\n", content_type="text/plain; charset=utf-8")
    entries = services.audit_download(actor=request.user, wanted=asked.wanted(), form=form)
    return stream(_in_batches(lines(entries)), f"audit.{form}", kind, request.user.pk)


def _json_lines(entries: Iterable[AuditEntry]) -> Iterator[str]:
    for entry in entries:
        yield json.dumps(entry.as_json(), ensure_ascii=False) + "\n"


def _csv_lines(entries: Iterable[AuditEntry]) -> Iterator[str]:
    """Cells that a spreadsheet would treat as formulas start with an apostrophe."""
    yield _csv_line([*FIELDS, "hash"])
    for entry in entries:
        row = entry.as_json()
        row["details"] = json.dumps(row["details"], ensure_ascii=False, sort_keys=True)
        yield _csv_line([f"'{cell}" if str(cell).startswith(FORMULA) else cell for cell in row.values()])


def _csv_line(cells: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _in_batches(lines: Iterator[str]) -> Generator[bytes, None, None]:
    """Lines in parts large enough to be sent efficiently."""
    waiting: list[str] = []
    for line in lines:
        waiting.append(line)
        if len(waiting) >= LINES_AT_ONCE:
            yield "".join(waiting).encode()
            waiting = []
    if waiting:
        yield "".join(waiting).encode()


def _number(request: UserRequest, name: str) -> int:
    return whole_number(request.GET.get(name, "")) or 0
