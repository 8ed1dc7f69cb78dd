"""The wizard over HTTP: shows a page, saves it while the user types, and follows edits of the document itself."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from clusters import services
from clusters.errors import InstallerError
from clusters.numbers import whole_number
from clusters.selectors import cluster_for, probes_of
from clusters.services.drafts import DraftBusy, DraftRefused
from clusters.wizard.connection.architectures import as_seen
from clusters.wizard.core import flow
from clusters.wizard.core.responses import page_or_404, refusal_response, save_document, save_obstacle, show, values
from clusters.wizard.document.editor import typed
from clusters.wizard.kubernetes.version_choices import with_version
from clusters.wizard.machines.practice import with_practice_machines
from clusters.wizard.machines.table import Machines, without
from clusters.wizard.topology.layouts import layout_called, with_layout

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from clusters.config.schema import Document
    from clusters.models import Cluster
    from clusters.services.requests import UserRequest
    from clusters.wizard.core.page import Page, PageForm


@require_GET
def start(request: UserRequest, pk: int) -> HttpResponse:
    """Redirect to the first page with a problem."""
    cluster = cluster_for(request.user, pk)
    return redirect("wizard", pk, flow.first_with_problem(cluster, services.document_of(cluster)).slug)


@require_http_methods(["GET", "HEAD", "POST"])
def wizard(request: UserRequest, pk: int, slug: str) -> HttpResponse:
    """Show a page; a POST saves it: automatically while the user types (htmx), or with a button."""
    cluster, page = cluster_for(request.user, pk), page_or_404(slug)
    document = services.document_of(cluster)
    if request.method == "POST":
        return _save(request, cluster, document, page)
    return show(request, cluster, document, page, page.bind(document, None))


def _save(request: UserRequest, cluster: Cluster, document: Document, page: Page) -> HttpResponse:
    form = page.bind(document, request.POST)
    fresh = form.written(document)
    try:
        cluster = save_document(request, cluster, document, fresh)
    except DraftRefused as error:
        return refusal_response(request, cluster, page, error, form=form, mine=fresh)
    if request.htmx:
        return _answer(request, cluster, fresh, page, form)
    return _go_on(request, cluster, fresh, page, form)


def _go_on(request: UserRequest, cluster: Cluster, document: Document, page: Page, form: PageForm) -> HttpResponse:
    action, _colon, which = request.POST.get("action", "next").partition(":")
    if not form.is_valid() and action == "next":
        return show(request, cluster, document, page, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if isinstance(form, Machines) and action in ("add", "remove", "login", "rename"):
        prefixes = [which] if which else request.POST.getlist("pick")
        tokens = [token for prefix in prefixes if (token := form.token(prefix))]
        return _with_machines(request, cluster, document, page, action, tokens)
    beside = flow.neighbor(page, -1 if action == "back" else 1) or page
    return redirect("wizard", cluster.pk, beside.slug)


def _with_machines(
    request: UserRequest, cluster: Cluster, document: Document, page: Page, action: str, tokens: list[str]
) -> HttpResponse:
    """After the rows are stored: add empty rows, or act on the selected rows."""
    if action == "add":
        count = request.POST.get("add_count", "1")
        extra = min(whole_number(count, digits=3) or 1, 100)
        return show(request, cluster, document, page, Machines(document, None, extra=max(extra, 1)))
    if action == "remove":
        fresh = without(document, tokens)
        try:
            if fresh != document:
                services.draft_update(actor=request.user, cluster=cluster, document=fresh, version=cluster.version)
        except DraftRefused as error:
            return refusal_response(request, cluster, page, error)
        return redirect("wizard", cluster.pk, page.slug)
    address = reverse(f"wizard-{action}", args=[cluster.pk])
    return redirect(f"{address}?{urlencode({'row': tokens}, doseq=True)}")


def _answer(request: UserRequest, cluster: Cluster, document: Document, page: Page, form: PageForm) -> HttpResponse:
    """Send what changed around the inputs; the inputs stay untouched because the user may be typing in them."""
    shown = values(cluster, document, page, form)
    if isinstance(form, Machines):
        flagged = set(request.POST.get("flagged", "").split(",")) | set(form.forms)
        shown["flagged"] = [row.prefix for row in shown["rows"] if row.problems]
        shown["problem_rows"] = [row for row in shown["rows"] if row.problems or row.prefix in flagged]
        shown["posted_rows"] = [row for row in shown["rows"] if row.prefix in form.forms]
    return render(request, "wizard/_saved.html", shown)


@require_POST
def document(request: UserRequest, pk: int) -> HttpResponse:
    """Save the document as typed; if it is invalid or lacks a secret, mark the problem and store nothing."""
    cluster, page = cluster_for(request.user, pk), page_or_404(request.POST.get("page", ""))
    before = services.document_of(cluster)
    text = request.POST.get("text", "").replace("\r\n", "\n")
    read = typed(before, cluster.document, text, partial(services.findings_of, cluster))
    fresh, editor = read.document, read.editor
    if fresh is None or not read.complete:
        refusal = {"editor": editor, "editor_refused": True, "unsaved": True}
        if request.htmx:
            shown = {"cluster": cluster, "page": page, **refusal}
            return render(request, "wizard/_marks.html", {**shown, "oob": True}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        form = page.bind(before, None)
        return show(request, cluster, before, page, form, status=HTTPStatus.UNPROCESSABLE_ENTITY, more=refusal)
    try:
        cluster = save_document(request, cluster, before, fresh, read.text)
    except DraftRefused as error:
        more = {"editor": editor, "conflict_form": "yaml-form"}
        return refusal_response(request, cluster, page, error, mine=fresh, more=more)
    if not request.htmx:
        return redirect("wizard", pk, page.slug)
    shown = values(cluster, fresh, page, page.bind(fresh, None), editor) | {"fields_too": True}
    return render(request, "wizard/_saved.html", shown)


@require_POST
def practice(request: UserRequest, pk: int) -> HttpResponse:
    """Add the practice machines to the draft."""
    return _changed(request, pk, "machines", with_practice_machines)


@require_POST
def layout(request: UserRequest, pk: int) -> HttpResponse:
    """Apply a layout: roles, endpoint, and rows for missing machines."""
    chosen = layout_called(request.POST.get("layout", ""))
    if chosen is None:
        raise Http404("There is no such layout.")
    return _changed(request, pk, request.POST.get("page", "roles"), lambda document: with_layout(document, chosen))


@require_POST
def version(request: UserRequest, pk: int) -> HttpResponse:
    """Set a version that the artifact source has."""
    wanted = request.POST.get("version", "")
    return _changed(request, pk, "kubernetes", lambda document: with_version(document, wanted))


@require_POST
def arch(request: UserRequest, pk: int) -> HttpResponse:
    """Write the architectures that the connection tests observed into the document."""
    cluster = cluster_for(request.user, pk)
    return _changed(request, pk, "connection", lambda document: as_seen(document, probes_of(cluster, document)))


def _changed(request: UserRequest, pk: int, slug: str, change: Callable[[Document], Document]) -> HttpResponse:
    cluster, page = cluster_for(request.user, pk), page_or_404(slug)
    document = services.document_of(cluster)
    try:
        save_document(request, cluster, document, change(document))
    except DraftRefused as error:
        return refusal_response(request, cluster, page, error)
    except InstallerError as error:
        messages.error(request, error.with_hint)
    return redirect("wizard", pk, slug)


@require_POST
def copy(request: UserRequest, pk: int) -> HttpResponse:
    """Create a draft with this document and open its first page with a problem."""
    try:
        fresh = services.draft_copy(actor=request.user, cluster=cluster_for(request.user, pk))
    except InstallerError as error:
        messages.error(request, error.with_hint)
        return redirect("cluster", pk)
    messages.success(request, _("This is %(name)s, a copy; the original is unchanged.") % {"name": fresh.name})
    return redirect("wizard-start", fresh.pk)


@require_POST
def waive(request: UserRequest, pk: int) -> HttpResponse:
    """Acknowledge a warning, or withdraw the acknowledgement."""
    cluster, page = cluster_for(request.user, pk), page_or_404("review")
    error = save_obstacle(request, cluster)
    if isinstance(error, DraftBusy):
        return refusal_response(request, cluster, page, error)
    given = bool(request.POST.get("given"))
    key, reason = request.POST.get("key", ""), request.POST.get("reason", "")
    try:
        services.waiver_set(actor=request.user, cluster=cluster, key=key, given=given, reason=reason)
    except services.ReasonMissing as missing:
        return refusal_response(request, cluster, page, missing)
    if not request.htmx:
        messages.success(request, _("Acknowledged.") if given else _("Withdrawn."))
    return redirect("wizard", pk, "review")
