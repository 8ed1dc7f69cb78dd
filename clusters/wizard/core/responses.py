"""How the wizard shows, saves and rejects a page; every view of the wizard uses this module."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django_htmx.http import reswap

from clusters import services
from clusters.numbers import whole_number
from clusters.services.differences import differences
from clusters.services.drafts import DraftConflict, refuse_while_busy
from clusters.wizard.core import flow
from clusters.wizard.core.page import Problem, problems
from clusters.wizard.document.editor import editor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpResponse

    from clusters.config.schema import Document
    from clusters.errors import InstallerError
    from clusters.models import Cluster
    from clusters.services.requests import UserRequest
    from clusters.wizard.core.page import Page, PageForm
    from clusters.wizard.document.editor import Editor


def page_or_404(slug: str) -> Page:
    """The page with this slug, or a 404."""
    page = flow.page_called(slug)
    if page is None:
        raise Http404("The wizard has no such page.")
    return page


def version_of(request: UserRequest) -> int:
    """The draft version that the page was rendered from; -1 when the request does not contain it.

    `instead_of` is the version whose differences the page has shown: the user overwrites that version.
    """
    version = whole_number(request.POST.get("instead_of") or request.POST.get("draft_version", ""), digits=9)
    return -1 if version is None else version


def save_obstacle(request: UserRequest, cluster: Cluster) -> InstallerError | None:
    """Why nothing can be saved: a run is active, or the page shows an older version."""
    try:
        refuse_while_busy(cluster)
    except services.DraftBusy as error:
        return error
    return None if version_of(request) == cluster.version else changed_since(cluster)


def changed_since(cluster: Cluster) -> InstallerError:
    """The error for a draft that changed after the page was opened."""
    return DraftConflict(
        _("%(name)s was changed in another tab or by another user since this page was opened.")
        % {"name": cluster.name},
        hint=_("Nothing was overwritten."),
    )


def save_document(request: UserRequest, cluster: Cluster, before: Document, fresh: Document, text: str = "") -> Cluster:
    """Save the changes in this user's name; `text` is the typed text, if the user edited text. Raises DraftRefused."""
    # A text may differ only in its comments.
    unchanged = fresh == before and text in ("", cluster.document)
    version = version_of(request)
    # The update itself refuses while a run is active: to ask beforehand would be one more query for each save.
    error = save_obstacle(request, cluster) if unchanged or version != cluster.version else None
    if error is not None:
        raise error
    if unchanged:
        return cluster
    return services.draft_update(actor=request.user, cluster=cluster, document=fresh, version=version, text=text)


def values(
    cluster: Cluster, document: Document, page: Page, form: PageForm, text: Editor | None = None,
    secrets: Mapping[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The context of a page's templates.

    `text` is the typed document, if the user edited text; `secrets` names the fields whose secret must be typed again.
    """
    written = text or editor(document, cluster.document, partial(services.findings_of, cluster))
    written = replace(written, found=services.judged(cluster, written.found))
    found = flow.by_page(written.found)
    here = found[page.slug]
    shown_problems = problems(form, here)
    for name, sentence in (secrets or {}).items():
        shown_problems.setdefault(name, []).append(Problem("warning", sentence))
    reviewed = (*written.found, *written.notes) if page.shows_all_findings else written.found
    busy = cluster.active_run
    return {
        "cluster": cluster,
        "page": page,
        "form": form,
        "findings": []
        if page.shows_all_findings
        else [(each, form.place(each.path), page.line(each)) for each in here],
        "problems": shown_problems,
        "rail": flow.rail(cluster, document, page, found),
        "editor": written,
        "back": flow.neighbor(page, -1),
        "next": flow.neighbor(page, 1),
        "saved_at": timezone.now(),
        "busy": busy,
        **page.context(cluster, document, form, reviewed),
        **form.context(shown_problems),
    }


def show(
    request: UserRequest, cluster: Cluster, document: Document, page: Page, form: PageForm,
    *, status: int = HTTPStatus.OK, more: dict[str, Any] | None = None, secrets: Mapping[str, str] | None = None,
) -> HttpResponse:  # fmt: skip
    """Render the whole page."""
    shown = {**values(cluster, document, page, form, secrets=secrets), "saved_at": cluster.updated_at, **(more or {})}
    return render(request, page.template, shown, status=status)


def refusal_response(
    request: UserRequest, cluster: Cluster, page: Page, error: InstallerError,
    *, form: PageForm | None = None, mine: Document | None = None, more: dict[str, Any] | None = None,
) -> HttpResponse:  # fmt: skip
    """409 with the error and everything the user typed: in `form`, and in `mine` as a document.

    When two edits conflict, the response contains both values of every difference.
    """
    cluster.refresh_from_db()
    document = services.document_of(cluster)
    context = {"cluster": cluster, "page": page, **conflict_context(document, error, mine), **(more or {})}
    if request.htmx:
        # The target of the request keeps its content; only the error message is new.
        answer = render(request, "wizard/_conflict.html", {**context, "oob": True}, status=HTTPStatus.CONFLICT)
        return reswap(answer, "none")
    if mine is not None:
        context |= {"draft_version": version_of(request), "unsaved": ",".join(getattr(form, "forms", ())) or "yes"}
    shown = form or page.bind(document, None)
    shown.show_others()
    secrets = shown.secrets()
    return show(request, cluster, document, page, shown, status=HTTPStatus.CONFLICT, more=context, secrets=secrets)


def conflict_context(document: Document, error: InstallerError, mine: Document | None) -> dict[str, Any]:
    """The context of `_conflict.html`; `document` is the stored document, `mine` the user's."""
    met = isinstance(error, DraftConflict)
    found = differences(document, mine) if met and mine is not None else []
    return {"conflict": error, "met": met, "differences": found, "typed": mine is not None}
