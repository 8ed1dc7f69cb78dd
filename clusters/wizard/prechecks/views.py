"""Prechecks over HTTP: start, watch, and waive."""

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
from clusters.wizard.core.responses import page_or_404, refusal_response, save_obstacle
from clusters.wizard.prechecks.results import inspection_of

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clusters.config.schema import Document
    from clusters.models import Cluster
    from clusters.services.requests import UserRequest

# Polling interval in milliseconds while checks run; longer for many checks.
POLL_MS, POLL_MS_MANY, MANY = 1000, 3000, 1500

WORDS = {
    "waiting": gettext_lazy("Waiting for a worker"),
    "running": gettext_lazy("Checking"),
    "done": gettext_lazy("Finished"),
    "failed": gettext_lazy("Could not be carried out"),
    "stale": gettext_lazy("Out of date"),
}


@require_GET
def table(request: UserRequest, pk: int) -> HttpResponse:
    """The progress of the checks; the page polls it."""
    return _table(request, cluster_for(request.user, pk))


@require_POST
def start(request: UserRequest, pk: int) -> HttpResponse:
    """Run the checks named by `check` on the machines named by `host`, or all."""
    cluster = cluster_for(request.user, pk)
    checks, hosts = request.POST.getlist("check"), request.POST.getlist("host")
    services.inspection_start(actor=request.user, cluster=cluster, checks=checks, hosts=hosts)
    return _table(request, cluster) if request.htmx else redirect("wizard", pk, "prechecks")


@require_POST
def waive(request: UserRequest, pk: int) -> HttpResponse:
    """Acknowledge what a check found, or withdraw the acknowledgement."""
    cluster, page = cluster_for(request.user, pk), page_or_404("prechecks")
    error = save_obstacle(request, cluster)
    if isinstance(error, DraftBusy):
        return refusal_response(request, cluster, page, error)
    given, key = bool(request.POST.get("given")), request.POST.get("key", "")
    reason = request.POST.get("reason", "")
    try:
        cluster = services.precheck_waive(actor=request.user, cluster=cluster, key=key, given=given, reason=reason)
    except services.ReasonMissing as missing:
        return refusal_response(request, cluster, page, missing)
    if request.htmx:
        return _table(request, cluster)
    messages.success(request, _("Acknowledged.") if given else _("Withdrawn."))
    return redirect("wizard", pk, "prechecks")


def _table(request: UserRequest, cluster: Cluster) -> HttpResponse:
    document = services.document_of(cluster)
    context = {"cluster": cluster, "rail": flow.rail(cluster, document, page_or_404("prechecks")), "oob": True}
    context["busy"] = cluster.active_run
    return render(request, "wizard/_checks.html", {**checks_context(cluster, document), **context})


def checks_context(cluster: Cluster, document: Document) -> dict[str, Any]:
    """The context of `_checks.html`."""
    found = inspection_of(cluster)
    context: dict[str, Any] = {"inspection": found, "hosts": [host.name for host in document.hosts]}
    context["blocking"] = sum(each.blocking for each in flow.judged_findings(cluster, document))
    if found is None:
        return context
    state = "stale" if found.stale and not found.row.active else found.row.state
    context["place"] = chore_place(found.row)
    return {**context, "inspection_word": WORDS[state], "poll": POLL_MS if found.total < MANY else POLL_MS_MANY}
