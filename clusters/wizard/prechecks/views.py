"""Prechecks over HTTP: asked for, watched, and answered for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from clusters import services
from clusters.selectors import chore_place, cluster_for
from clusters.services.drafts import DraftBusy
from clusters.wizard.core import flow
from clusters.wizard.core.responses import page_or_404, refused, stand_in_the_way
from clusters.wizard.prechecks.results import inspection_of

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from clusters.config.schema import Document
    from clusters.models import Cluster

# Milliseconds between two looks while checks are under way; what is long is asked for less often.
POLL_MS, POLL_MS_MANY, MANY = 1000, 3000, 1500

WORDS = {
    "waiting": gettext_lazy("Waiting for a worker"),
    "running": gettext_lazy("Checking"),
    "done": gettext_lazy("Finished"),
    "failed": gettext_lazy("Could not be carried out"),
    "stale": gettext_lazy("Out of date"),
}


@require_GET
def table(request: HttpRequest, pk: int) -> HttpResponse:
    """How far it is, asked for again and again while it goes on."""
    return _table(request, cluster_for(request.user, pk))


@require_POST
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Look at the checks named by `check` on the machines named by `host`, or at all."""
    cluster = cluster_for(request.user, pk)
    checks, hosts = request.POST.getlist("check"), request.POST.getlist("host")
    services.inspection_start(actor=request.user, cluster=cluster, checks=checks, hosts=hosts)
    return _table(request, cluster) if request.htmx else redirect("wizard", pk, "prechecks")


@require_POST
def waive(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer for what a check found, or take that back."""
    cluster, page = cluster_for(request.user, pk), page_or_404("prechecks")
    error = stand_in_the_way(request, cluster)
    if isinstance(error, DraftBusy):
        return refused(request, cluster, page, error)
    given, key = bool(request.POST.get("given")), request.POST.get("key", "")
    reason = request.POST.get("reason", "")
    try:
        cluster = services.precheck_waive(actor=request.user, cluster=cluster, key=key, given=given, reason=reason)
    except services.ReasonMissing as missing:
        return refused(request, cluster, page, missing)
    if request.htmx:
        return _table(request, cluster)
    messages.success(request, _("Noted.") if given else _("Taken back."))
    return redirect("wizard", pk, "prechecks")


def _table(request: HttpRequest, cluster: Cluster) -> HttpResponse:
    document = services.document_of(cluster)
    said = {"cluster": cluster, "rail": flow.rail(cluster, document, page_or_404("prechecks")), "oob": True}
    said["busy"] = cluster.active_run
    return render(request, "wizard/_checks.html", {**shown(cluster, document), **said})


def shown(cluster: Cluster, document: Document) -> dict[str, Any]:
    """What `_checks.html` asks for."""
    found = inspection_of(cluster)
    said = {"inspection": found, "hosts": [host.name for host in document.hosts]}
    said["blocking"] = sum(each.blocking for each in flow.judged_findings(cluster, document))
    if found is None:
        return said
    state = "stale" if found.stale and not found.row.active else found.row.state
    said["place"] = chore_place(found.row)
    return {**said, "inspection_word": WORDS[state], "poll": POLL_MS if found.total < MANY else POLL_MS_MANY}
