"""Answers: how a page of the wizard is shown, saved and refused; every view of the wizard goes through here."""

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

    from django.http import HttpRequest, HttpResponse

    from clusters.config.schema import Document
    from clusters.errors import InstallerError
    from clusters.models import Cluster
    from clusters.wizard.core.page import Page, PageForm
    from clusters.wizard.document.editor import Editor


def page_or_404(slug: str) -> Page:
    """The page of that name."""
    page = flow.page_called(slug)
    if page is None:
        raise Http404("The wizard has no such page.")
    return page


def version_of(request: HttpRequest) -> int:
    """The version of the draft that the page was made from; -1 when it does not say.

    `instead_of` is the version whose differences the page has shown: the user saves what was typed in its place.
    """
    version = whole_number(request.POST.get("instead_of") or request.POST.get("draft_version", ""), digits=9)
    return -1 if version is None else version


def stand_in_the_way(request: HttpRequest, cluster: Cluster) -> InstallerError | None:
    """Why nothing can be saved: a run is active, or the page was made from an older version."""
    try:
        refuse_while_busy(cluster)
    except services.DraftBusy as error:
        return error
    return None if version_of(request) == cluster.version else changed_since(cluster)


def changed_since(cluster: Cluster) -> InstallerError:
    """The draft is another one than the page shows."""
    return DraftConflict(
        _("%(name)s was changed in another tab or by somebody else since this page was opened.")
        % {"name": cluster.name},
        hint=_("Nothing was overwritten."),
    )


def keep(request: HttpRequest, cluster: Cluster, before: Document, fresh: Document, text: str = "") -> Cluster:
    """Save what is new, as this person; `text` is what was typed, if it was text. Raises DraftRefused."""
    # A text may differ in its comments alone.
    unchanged = fresh == before and text in ("", cluster.document)
    version = version_of(request)
    # The update itself refuses while a run is active: to ask beforehand would be one more query for each save.
    error = stand_in_the_way(request, cluster) if unchanged or version != cluster.version else None
    if error is not None:
        raise error
    if unchanged:
        return cluster
    return services.draft_update(actor=request.user, cluster=cluster, document=fresh, version=version, text=text)


def values(
    cluster: Cluster, document: Document, page: Page, form: PageForm, text: Editor | None = None,
    secrets: Mapping[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """All that the templates of a page ask for.

    `text` is the document as it was typed, if it was text; `secrets` says at which fields to type a secret again.
    """
    written = text or editor(document, cluster.document, partial(services.findings_of, cluster))
    written = replace(written, found=services.judged(cluster, written.found))
    found = flow.by_page(written.found)
    here = found[page.slug]
    said = problems(form, here)
    for name, sentence in (secrets or {}).items():
        said.setdefault(name, []).append(Problem("warning", sentence))
    reviewed = (*written.found, *written.kept) if page.shows_all_findings else written.found
    busy = cluster.active_run
    return {
        "cluster": cluster,
        "page": page,
        "form": form,
        "findings": []
        if page.shows_all_findings
        else [(each, form.place(each.path), page.line(each)) for each in here],
        "problems": said,
        "rail": flow.rail(cluster, document, page, found),
        "editor": written,
        "back": flow.neighbour(page, -1),
        "next": flow.neighbour(page, 1),
        "saved_at": timezone.now(),
        "busy": busy,
        **page.context(cluster, document, form, reviewed),
        **form.context(said),
    }


def show(
    request: HttpRequest, cluster: Cluster, document: Document, page: Page, form: PageForm,
    *, status: int = HTTPStatus.OK, more: dict[str, Any] | None = None, secrets: Mapping[str, str] | None = None,
) -> HttpResponse:  # fmt: skip
    """The whole page."""
    shown = {**values(cluster, document, page, form, secrets=secrets), "saved_at": cluster.updated_at, **(more or {})}
    return render(request, page.template, shown, status=status)


def refused(
    request: HttpRequest, cluster: Cluster, page: Page, error: InstallerError,
    *, form: PageForm | None = None, mine: Document | None = None, more: dict[str, Any] | None = None,
) -> HttpResponse:  # fmt: skip
    """409 with the sentence, and with all that was typed: `form` has it, `mine` is the document with it.

    When two edits meet, the answer has both values of everything in which they differ.
    """
    cluster.refresh_from_db()
    document = services.document_of(cluster)
    said = {"cluster": cluster, "page": page, **meeting(document, error, mine), **(more or {})}
    if request.htmx:
        # The place that the request was for keeps what it shows; only the sentence is new.
        answer = render(request, "wizard/_conflict.html", {**said, "oob": True}, status=HTTPStatus.CONFLICT)
        return reswap(answer, "none")
    if mine is not None:
        said |= {"draft_version": version_of(request), "unsaved": ",".join(getattr(form, "forms", ())) or "yes"}
    shown = form or page.bind(document, None)
    shown.show_others()
    secrets = shown.secrets()
    return show(request, cluster, document, page, shown, status=HTTPStatus.CONFLICT, more=said, secrets=secrets)


def meeting(document: Document, error: InstallerError, mine: Document | None) -> dict[str, Any]:
    """What `_conflict.html` asks for; `document` is what is stored, `mine` what was typed here."""
    met = isinstance(error, DraftConflict)
    found = differences(document, mine) if met and mine is not None else []
    return {"conflict": error, "met": met, "differences": found, "typed": mine is not None}
