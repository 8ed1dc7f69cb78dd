"""Connection tests and host keys over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from clusters import services
from clusters.selectors import cluster_for
from clusters.wizard import flow
from clusters.wizard.pages import connection

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from clusters.models import Cluster


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
    values = connection.summary(cluster, document)
    values |= {"cluster": cluster, "rail": flow.rail(cluster, document, connection.PAGE), "oob": True}
    return render(request, "wizard/_probes.html", values)
