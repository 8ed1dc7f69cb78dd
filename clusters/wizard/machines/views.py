"""Many machines at once over HTTP: lists and ranges with a preview, one login for many, names by a pattern."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from crispy_forms.layout import Div
from django import forms
from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from clusters import services
from clusters.selectors import cluster_for
from clusters.services.drafts import DraftRefused
from clusters.wizard.core import fields
from clusters.wizard.core.page import problems_of
from clusters.wizard.core.responses import conflict_context, page_or_404, save_document, values
from clusters.wizard.machines.additions import Common, preview, range_lines, with_machines
from clusters.wizard.machines.jump_hosts import own_form, routes_of, shared_form, with_own_jump, with_shared_jump
from clusters.wizard.machines.list_parser import MOST_CHARACTERS, read_list
from clusters.wizard.machines.login_choices import offers_for, paths_to_replace
from clusters.wizard.machines.logins import login_form, new_names, rename_form, renamed, with_login
from clusters.wizard.machines.table import stored_at, token_of

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clusters.config.schema import Document
    from clusters.models import Cluster
    from clusters.services.requests import UserRequest
    from clusters.wizard.machines.login_choices import Offers

COMMON = ("user", "port", "password", "credential")
"""Fields for lines that do not set them."""


class AddForm(forms.Form):
    """A list, as text or as a file, and defaults for its lines."""

    text = fields.lines(
        gettext_lazy("Machines"),
        gettext_lazy("A table, CSV, an inventory, or a config-sample.yaml. A first line with column names helps."),
        rows=8,
    )
    user = fields.text(gettext_lazy("User"), gettext_lazy("For lines without a user."), mono=True)
    port = fields.number(gettext_lazy("SSH port"), gettext_lazy("For lines without a port."))
    password = fields.secret(gettext_lazy("Password"), gettext_lazy("For lines without a password."))
    credential = fields.choice(gettext_lazy("Credential"), (), gettext_lazy("For lines without a login."))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: UserRequest, pk: int) -> HttpResponse:
    """Add machines from lines, with a preview of what was recognized."""
    cluster = cluster_for(request.user, pk)
    document = services.document_of(cluster)
    data = request.POST.copy() if request.method == "POST" else None
    wrong = _fill_in(request, data) if data is not None else ""
    form = _add_form(offers_for(request.user, cluster), data)
    form.is_valid()
    cleaned = form.cleaned_data if form.is_bound else {}
    listing = read_list(cleaned.get("text", ""))
    common = Common(**{name: cleaned[name] for name in COMMON if cleaned.get(name)})
    found = preview(document, listing, common)
    left = set(request.POST.getlist("leave")) if request.POST.get("action") == "take" else set()
    fitting = [each.listed for each in found if not each.why_not]
    shown: dict[str, Any] = {"found": found, "listing": listing, "fitting": len(fitting), "wrong": wrong}
    shown |= {"left": left, "names": request.POST.get("names", ""), "addresses": request.POST.get("addresses", "")}
    if request.method == "POST" and request.POST.get("action") == "take":
        chosen = [listed for listed in fitting if listed.host.name not in left]
        fresh = with_machines(document, chosen)
        message = ngettext("%(count)s machine was added.", "%(count)s machines were added.", len(chosen))
        message = message % {"count": len(chosen)}
        return _saved(request, cluster, document, fresh, "wizard/add.html", {**shown, "side": form, "message": message})
    if request.htmx:
        return render(request, "wizard/_listing.html", {**shown, "cluster": cluster})
    return side_page(request, cluster, document, "wizard/add.html", {**shown, "side": form})


def _add_form(offers: Offers, data: Any) -> Any:
    form = AddForm(data)
    names = list(COMMON)
    fields.give_choices(form.fields["credential"], [("", _("none")), *((each, each) for each in offers.credentials)])
    if not offers.credentials:
        del form.fields[names.pop()]
    return fields.laid_out(form, fields.wide("text"), Div(*names, css_class="field-wide form-grid thirds"))


def _fill_in(request: UserRequest, data: Any) -> str:
    """Turn a file, a range or addresses of a scan into lines of the text; returns an error message or ""."""
    upload = request.FILES.get("file")
    if upload is not None and upload.size:
        if upload.size > MOST_CHARACTERS:
            return _("The file is larger than %s bytes.") % f"{MOST_CHARACTERS:,}"
        try:
            data["text"] = upload.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            return _("The file is not UTF-8 text. Save the sheet as CSV first.")
    if request.POST.getlist("address"):
        data["text"] = "\n".join(request.POST.getlist("address"))
    if request.POST.get("action") == "range":
        text, wrong = range_lines(request.POST.get("names", ""), request.POST.get("addresses", ""))
        before = data.get("text", "").rstrip()
        if text:
            data["text"] = f"{before}\n{text}".lstrip()
        return wrong
    return ""


@require_http_methods(["GET", "HEAD", "POST"])
def login(request: UserRequest, pk: int) -> HttpResponse:
    """How to log in to the machines named by `row`."""
    cluster = cluster_for(request.user, pk)
    document = services.document_of(cluster)
    places = _places(request, document)
    if not places:
        messages.error(request, _("Select machines first."))
        return redirect("wizard", pk, "machines")
    hosts = [document.hosts[place] for place in places]
    data = request.POST if request.method == "POST" else None
    files, offers = request.FILES or None, offers_for(request.user, cluster)
    form, jump = login_form(hosts, offers, data, files), own_form(document, hosts, offers, data, files)
    tokens = [token_of(place, document.hosts[place]) for place in places]
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
    shown: dict[str, Any] = {
        "side": form,
        "jump": jump,
        "tokens": tokens,
        "hosts": hosts,
        "reached": routes_of(document, hosts),
    }
    shown["paths"] = paths_to_replace([each for host in hosts for each in (host, host.jump_host)], offers)
    shown["jump_open"] = bool(jump.errors) or (len(hosts) == 1 and bool(hosts[0].jump_host.hops))
    if data is not None and form.is_valid() and jump.is_valid():
        fresh = with_own_jump(with_login(document, places, form.cleaned_data), places, jump.cleaned_data)
        return _saved(request, cluster, document, fresh, "wizard/login.html", shown)
    return side_page(request, cluster, document, "wizard/login.html", shown, status)


@require_http_methods(["GET", "HEAD", "POST"])
def jump(request: UserRequest, pk: int) -> HttpResponse:
    """The shared jump hosts, for all machines without their own."""
    cluster = cluster_for(request.user, pk)
    document = services.document_of(cluster)
    posted = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    offers = offers_for(request.user, cluster)
    form = shared_form(document, offers, *posted)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
    others = [host.name for host in document.hosts if host.jump_host.hops]
    shown = {"side": form, "others": others, "paths": paths_to_replace([document.jump_host], offers)}
    if form.is_bound and form.is_valid():
        fresh = with_shared_jump(document, form.cleaned_data)
        return _saved(request, cluster, document, fresh, "wizard/jump.html", shown)
    return side_page(request, cluster, document, "wizard/jump.html", shown, status)


@require_http_methods(["GET", "HEAD", "POST"])
def rename(request: UserRequest, pk: int) -> HttpResponse:
    """Rename the machines in `row` by a pattern, with a preview of old and new names."""
    cluster = cluster_for(request.user, pk)
    document = services.document_of(cluster)
    places = _places(request, document) or list(range(len(document.hosts)))
    posted = request.method == "POST"
    form = rename_form(request.POST if posted else None)
    cleaned: dict[str, Any] = form.cleaned_data if posted and form.is_valid() else {"pattern": "node-{n}", "start": 1}
    start = cleaned["start"] if cleaned.get("start") is not None else 1
    names = new_names(document, places, cleaned.get("pattern", ""), start)
    refusals = [each for each in names if each[2] or not each[1]]
    tokens = [token_of(place, document.hosts[place]) for place in places]
    shown = {"side": form, "tokens": tokens, "new_names": names, "refusals": len(refusals)}
    if request.htmx:
        return render(request, "wizard/_renames.html", shown)
    if posted and request.POST.get("action") == "take" and not refusals:
        fresh = renamed(document, places, [new for _old, new, _why in names])
        return _saved(request, cluster, document, fresh, "wizard/rename.html", shown)
    return side_page(request, cluster, document, "wizard/rename.html", shown)


def _places(request: UserRequest, document: Document) -> list[int]:
    """The positions of the requested machines; missing ones are left out."""
    tokens = (request.POST if request.method == "POST" else request.GET).getlist("row")
    found = (stored_at(document.hosts, token) for token in tokens)
    return sorted({place for place in found if place is not None})


def _saved(
    request: UserRequest, cluster: Cluster, before: Document, fresh: Document, template: str, context: dict[str, Any]
) -> HttpResponse:
    """Save and return to the machines. If saving is refused, show the side page again with everything typed."""
    try:
        save_document(request, cluster, before, fresh)
    except DraftRefused as error:
        cluster.refresh_from_db()
        stored = services.document_of(cluster)
        context = {**context, **conflict_context(stored, error, fresh), "beside": True}
        return side_page(request, cluster, stored, template, context, HTTPStatus.CONFLICT)
    if context.get("message"):
        messages.success(request, context["message"])
    return redirect("wizard", cluster.pk, "machines")


def side_page(
    request: UserRequest, cluster: Cluster, document: Document, template: str, more: dict[str, Any],
    status: int = HTTPStatus.OK,
) -> HttpResponse:  # fmt: skip
    """A side page of the machines page, in the same frame."""
    page = page_or_404("machines")
    shown = {**values(cluster, document, page, page.bind(document, None)), "saved_at": cluster.updated_at, **more}
    refused_or_lost = problems_of([form for form in (more["side"], more.get("jump")) if form is not None])
    return render(request, template, {**shown, "problems": refused_or_lost}, status=status)
