"""Network scans over HTTP: start, watch, cancel; hosts that respond become lines of a list."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django import forms
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from clusters import services
from clusters.config.jump_hosts import route_text
from clusters.config.schema import Host
from clusters.errors import InstallerError
from clusters.models import Scan
from clusters.selectors import chore_place, cluster_for
from clusters.wizard.core import fields
from clusters.wizard.machines.views import side_page

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clusters.config.schema import Document
    from clusters.models import Cluster
    from clusters.services.requests import UserRequest


class ScanForm(forms.Form):
    """A network and a port."""

    network = fields.text(gettext_lazy("Network"), gettext_lazy("At most a /22, like 10.1.2.0/24."), mono=True)
    port = fields.number(gettext_lazy("SSH port"))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def scan(request: UserRequest, pk: int) -> HttpResponse:
    """The page of the scan; a POST starts a scan."""
    cluster = cluster_for(request.user, pk)
    document = services.document_of(cluster)
    form = ScanForm(request.POST if request.method == "POST" else None, initial={"port": 22})
    status = HTTPStatus.OK
    if form.is_bound and form.is_valid():
        typed = form.cleaned_data["port"]
        port = 22 if typed is None else typed
        network = form.cleaned_data["network"]
        try:
            services.scan_start(actor=request.user, cluster=cluster, network=network, port=port)
            return redirect("wizard-scan", pk)
        except InstallerError as error:
            form.add_error("network", error.with_hint)
            status = HTTPStatus.UNPROCESSABLE_ENTITY
    side = fields.laid_out(form, "network", "port")
    through = route_text(Host(jump_host=document.jump_host))
    shown = {"side": side, "through": through, "add_url": reverse("wizard-add", args=[pk]), **_seen(cluster, document)}
    return side_page(request, cluster, document, "wizard/scan.html", shown, status)


@require_GET
def table(request: UserRequest, pk: int) -> HttpResponse:
    """The progress of the scan; the page polls it."""
    cluster = cluster_for(request.user, pk)
    seen = _seen(cluster, services.document_of(cluster))
    return render(request, "wizard/_scan.html", {"cluster": cluster, **seen})


@require_POST
def cancel(request: UserRequest, pk: int) -> HttpResponse:
    """Cancel the scan."""
    services.scan_cancel(actor=request.user, cluster=cluster_for(request.user, pk))
    return redirect("wizard-scan", pk)


def _seen(cluster: Cluster, document: Document) -> dict[str, Any]:
    scan = Scan.objects.filter(cluster=cluster).first()
    if scan is None:
        return {"scan": None}
    known = {(host.ssh_address, host.port): host.name for host in document.hosts}
    rows = []
    for each in scan.found:
        # Scans of earlier versions stored whatever a port sent.
        greeting = each["banner"] if each["banner"].startswith("SSH-") else ""
        rows.append((each["address"], greeting, known.get((each["address"], scan.port), ""), bool(greeting)))
    words = {
        "waiting": _("Waiting for a worker"),
        "running": _("Scanning"),
        "done": _("Finished"),
        "cancelled": _("Cancelled"),
        "failed": _("Failed"),
    }
    return {"scan": scan, "place": chore_place(scan), "found": rows, "scan_word": words.get(scan.state, scan.state)}
