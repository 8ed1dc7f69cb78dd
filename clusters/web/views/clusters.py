"""Clusters: the list, one cluster, importing a document, installing and deleting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.db.models import OuterRef, Subquery
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from clusters import services
from clusters.catalog.recipes import recipes
from clusters.config.dialects import render as rendering
from clusters.config.load import LIMIT
from clusters.errors import InstallerError
from clusters.models import Cluster, Run
from clusters.selectors import cluster_for, clusters_for, notification_channels
from clusters.web.nodes import Node, nodes_of

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clusters.config.schema import Document
    from clusters.services.requests import UserRequest

RUNS_SHOWN = 20
FINDINGS_SHOWN = 5
"""Findings of an import that the next page shows."""
LISTED = ("name", "state", "kubernetes_version", "endpoint", "machine_count", "nodes", "nodes_seen_at", "updated_at")
"""The columns that the list shows."""


@dataclass(frozen=True, slots=True)
class ClusterRow:
    """One cluster in the list, from columns: no document is read, however many clusters there are."""

    cluster: Cluster
    nodes: list[Node]
    last_run: Run | None

    @property
    def nodes_ok(self) -> int:
        """How many were ready when last observed."""
        return sum(node.state == "ready" for node in self.nodes)


@require_GET
def index(request: UserRequest) -> HttpResponse:
    """Every cluster that this user may see."""
    newest = Run.objects.filter(cluster=OuterRef("pk")).exclude(part=Run.Part.PREVIEW).order_by("-id").values("pk")[:1]
    found = list(clusters_for(request.user).only(*LISTED).annotate(newest=Subquery(newest)))
    runs = Run.objects.only("state", "created_at").in_bulk([each.newest for each in found if each.newest])
    rows = [ClusterRow(each, nodes_of(each), runs.get(each.newest)) for each in found]
    return render(request, "clusters/list.html", {"rows": rows})


@require_POST
def new(request: UserRequest) -> HttpResponse:
    """A draft with the defaults; the wizard continues from there."""
    try:
        cluster = services.draft_create(actor=request.user, name=request.POST.get("name", "").strip())
    except InstallerError as error:
        say(request, error)
        return redirect("clusters")
    return redirect("wizard", pk=cluster.pk, slug="machines")


@require_http_methods(["GET", "HEAD", "POST"])
def import_document(request: UserRequest) -> HttpResponse:
    """A draft from a `config-sample.yaml`, pasted or as a file; errors are shown with line and column."""
    if request.method != "POST":
        return render(request, "clusters/import.html", {"text": ""})
    text, problem = _text_given(request)
    if problem:
        return render(request, "clusters/import.html", {"text": text, "problem": problem}, status=422)
    cluster, findings = services.draft_import(actor=request.user, text=text)
    if cluster is None:
        blocking = [finding for finding in findings if finding.blocking]
        return render(request, "clusters/import.html", {"text": text, "findings": blocking}, status=422)
    for finding in findings[:FINDINGS_SHOWN]:
        place = _("Line %d: ") % finding.line if finding.line else ""
        (messages.error if finding.blocking else messages.warning)(request, f"{place}{finding.message}")
    if len(findings) > FINDINGS_SHOWN:
        more = len(findings) - FINDINGS_SHOWN
        messages.warning(request, _("%d more are marked in the document and listed on the Review page.") % more)
    return redirect("wizard-start", pk=cluster.pk)


@require_GET
def show(request: UserRequest, pk: int) -> HttpResponse:
    """One cluster: nodes, endpoint, runs, and the document with its secrets masked."""
    cluster = cluster_for(request.user, pk)
    document = _document(cluster)
    known = recipes()
    context = {
        "row": ClusterRow(cluster, nodes_of(cluster), None),
        "cluster": cluster,
        "document": document,
        "yaml": rendering.render(document, secrets="mask") if document else "",
        "runs": cluster.runs.defer("document").select_related("asked_by")[:RUNS_SHOWN],
        "was_installed": cluster.runs.exclude(part=Run.Part.PREVIEW).exists(),
        "first": known[0],
        "recipes": [each for each in known if services.is_allowed(each, cluster)],
        "channels": notification_channels(),
        "active": cluster.active_run,
    }
    return render(request, "clusters/show.html", context)


@require_POST
def install(request: UserRequest, pk: int) -> HttpResponse:
    """Start a run and show it; the review page shows what prevents it."""
    cluster = cluster_for(request.user, pk)
    try:
        waivers, reason = request.POST.getlist("waivers"), request.POST.get("reason", "")
        run = services.run_start(actor=request.user, cluster=cluster, waivers=waivers, reason=reason)
    except InstallerError as error:
        say(request, error)
        return redirect("wizard", pk=cluster.pk, slug="review")
    return redirect("run", pk=run.pk)


@require_POST
def delete(request: UserRequest, pk: int) -> HttpResponse:
    """Delete the cluster if its name was typed."""
    cluster = cluster_for(request.user, pk)
    if request.POST.get("name", "").strip() != cluster.name:
        messages.error(request, _("Nothing was deleted: the name you typed is not %s.") % cluster.name)
        return redirect("cluster", pk=cluster.pk)
    name = cluster.name
    try:
        is_first = services.draft_delete(actor=request.user, cluster=cluster)
    except InstallerError as error:
        say(request, error)
        return redirect("cluster", pk=cluster.pk)
    if is_first:
        messages.success(request, _("%s was removed; its machines were not changed.") % name)
    else:
        messages.info(request, _("%s was already removed.") % name)
    return redirect("clusters")


def say(request: UserRequest, error: InstallerError) -> None:
    """Show the error and its hint as a message on the next page."""
    messages.error(request, error.with_hint)


def _document(cluster: Cluster) -> Document | None:
    try:
        return services.document_of(cluster)
    except InstallerError:
        return None


def _text_given(request: UserRequest) -> tuple[str, str]:
    """The uploaded or pasted text, and what prevents it from being read."""
    upload = request.FILES.get("file")
    if upload is None:
        text = request.POST.get("text", "")
        return text, "" if text.strip() else _("Paste a document or choose a file.")
    if upload.size is None or upload.size > LIMIT:
        return "", _("The file is larger than %s bytes, the limit for a document.") % f"{LIMIT:,}"
    try:
        return upload.read().decode("utf-8-sig"), ""
    except UnicodeDecodeError:
        return "", _("The file is not UTF-8 text. Choose the config-sample.yaml itself.")
