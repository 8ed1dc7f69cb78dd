"""The wizard over HTTP: shows a page, saves it as it is typed, and asks for connection tests."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from clusters import services
from clusters.config.render import render as render_yaml
from clusters.errors import InstallerError
from clusters.selectors import cluster_for
from clusters.services.drafts import DraftBusy, DraftConflict
from clusters.wizard import flow
from clusters.wizard.page import problems
from clusters.wizard.pages import connection
from clusters.wizard.pages.machines import Machines
from clusters.wizard.practice import with_practice_machines

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from clusters.config.schema import Document
    from clusters.models import Cluster
    from clusters.wizard.page import Page, PageForm


@require_GET
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Where the draft was left: the first page that blocks."""
    cluster = cluster_for(request.user, pk)
    return redirect("wizard", pk, flow.first_with_error(services.document_of(cluster)).slug)


@require_http_methods(["GET", "HEAD", "POST"])
def wizard(request: HttpRequest, pk: int, slug: str) -> HttpResponse:
    """A page; a POST saves it, by itself while it is typed in (htmx) or with a button."""
    cluster, page = cluster_for(request.user, pk), _page(slug)
    document = services.document_of(cluster)
    if request.method == "POST":
        return _save(request, cluster, document, page)
    return _show(request, cluster, document, page, page.bind(document, None))


def _page(slug: str) -> Page:
    page = flow.page_called(slug)
    if page is None:
        raise Http404("The wizard has no such page.")
    return page


def _save(request: HttpRequest, cluster: Cluster, document: Document, page: Page) -> HttpResponse:
    if _version(request) != cluster.version:
        return _refused(request, cluster, document, page, _changed_since(cluster))
    form = page.bind(document, request.POST)
    fresh = form.written(document)
    try:
        if fresh != document:
            cluster = services.draft_update(
                actor=request.user, cluster=cluster, document=fresh, version=_version(request)
            )
    except (DraftConflict, DraftBusy) as error:
        return _refused(request, cluster, document, page, error)
    if request.htmx:
        return _answer(request, cluster, fresh, page, form)
    return _go_on(request, cluster, fresh, page, form)


def _version(request: HttpRequest) -> int:
    text = request.POST.get("draft_version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def _changed_since(cluster: Cluster) -> InstallerError:
    return DraftConflict(
        _("%(name)s was changed in another tab or by somebody else since this page was opened.")
        % {"name": cluster.name},
        hint=_("Reload the page: what was saved there is kept, what you have just typed here is not saved."),
    )


def _go_on(request: HttpRequest, cluster: Cluster, document: Document, page: Page, form: PageForm) -> HttpResponse:
    action = request.POST.get("action", "next")
    if not form.is_valid() and action == "next":
        return _show(request, cluster, document, page, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if action == "add":
        again = Machines(document, None, extra=1) if isinstance(form, Machines) else page.bind(document, None)
        return _show(request, cluster, document, page, again)
    beside = flow.neighbour(page, -1 if action == "back" else 1) or page
    return redirect("wizard", cluster.pk, beside.slug)


def _refused(
    request: HttpRequest, cluster: Cluster, document: Document, page: Page, error: InstallerError
) -> HttpResponse:
    if request.htmx:
        values = {"conflict": error, "cluster": cluster, "page": page}
        return render(request, "wizard/_conflict.html", values, status=HTTPStatus.CONFLICT)
    values = {"conflict": error}
    form = page.bind(document, None)
    return _show(request, cluster, document, page, form, status=HTTPStatus.CONFLICT, more=values)


def _values(cluster: Cluster, document: Document, page: Page, form: PageForm) -> dict[str, Any]:
    found = flow.findings_by_page(document)[page.slug]
    return {
        "cluster": cluster,
        "page": page,
        "form": form,
        "findings": [(finding, form.place(finding.path)) for finding in found] if page.slug != "review" else [],
        "problems": problems(form, found),
        "rail": flow.rail(cluster, document, page),
        "yaml": render_yaml(document, secrets="mask"),
        "back": flow.neighbour(page, -1),
        "next": flow.neighbour(page, 1),
        "saved_at": timezone.now(),
        **page.context(cluster, document, form),
    }


def _show(
    request: HttpRequest, cluster: Cluster, document: Document, page: Page, form: PageForm,
    *, status: int = HTTPStatus.OK, more: dict[str, Any] | None = None,
) -> HttpResponse:  # fmt: skip
    values = {**_values(cluster, document, page, form), "saved_at": cluster.updated_at, **(more or {})}
    return render(request, page.template, values, status=status)


def _answer(request: HttpRequest, cluster: Cluster, document: Document, page: Page, form: PageForm) -> HttpResponse:
    """What changed around the inputs; the inputs themselves are somebody's who is typing."""
    values = _values(cluster, document, page, form)
    values["row_ids"] = form.row_ids() if isinstance(form, Machines) else []
    return render(request, "wizard/_saved.html", values)


@require_POST
def practice(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the practice machines into the draft."""
    cluster = cluster_for(request.user, pk)
    try:
        document = with_practice_machines(services.document_of(cluster))
        services.draft_update(actor=request.user, cluster=cluster, document=document, version=_version(request))
    except InstallerError as error:
        messages.error(request, f"{error} {getattr(error, 'hint', '')}")
    return redirect("wizard", pk, "machines")


@require_GET
def probes(request: HttpRequest, pk: int) -> HttpResponse:
    """The table of the connection page."""
    return _probes(request, cluster_for(request.user, pk))


@require_POST
def probe(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for a test: of the machines named by `host`, or of all."""
    cluster = cluster_for(request.user, pk)
    services.probes_start(actor=request.user, cluster=cluster, hosts=request.POST.getlist("host") or None)
    return _probes(request, cluster) if request.htmx else redirect("wizard", pk, "connection")


@require_POST
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    """Pin the keys of the machines named by `host`, which are those that the page showed."""
    cluster = cluster_for(request.user, pk)
    services.host_keys_accept(actor=request.user, cluster=cluster, hosts=request.POST.getlist("host"))
    return _probes(request, cluster) if request.htmx else redirect("wizard", pk, "connection")


def _probes(request: HttpRequest, cluster: Cluster) -> HttpResponse:
    document = services.document_of(cluster)
    values = connection.summary(connection.rows(cluster, document))
    values |= {"cluster": cluster, "rail": flow.rail(cluster, document, connection.PAGE), "oob": True}
    return render(request, "wizard/_probes.html", values)
