"""Connection tests and host keys over HTTP."""

from __future__ import annotations

from http import HTTPStatus
from itertools import zip_longest
from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from clusters import services
from clusters.runs.access.host_keys import OtherKey
from clusters.selectors import cluster_for
from clusters.wizard.core import flow
from clusters.wizard.pages import connection

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clusters.models import Cluster
    from clusters.services.requests import UserRequest


@require_GET
def probes(request: UserRequest, pk: int) -> HttpResponse:
    """The table of the connection page."""
    return _probes(request, cluster_for(request.user, pk))


@require_POST
def probe(request: UserRequest, pk: int) -> HttpResponse:
    """Start a test of the machines named by `host`, or of all."""
    cluster = cluster_for(request.user, pk)
    services.probes_start(actor=request.user, cluster=cluster, hosts=request.POST.getlist("host") or None)
    return _probes(request, cluster) if request.htmx else redirect("wizard", pk, "connection")


@require_POST
def accept(request: UserRequest, pk: int) -> HttpResponse:
    """Pin the keys of the machines named by `host`, each with the `fingerprint` that the page showed beside it."""
    cluster = cluster_for(request.user, pk)
    hosts, fingerprints = request.POST.getlist("host"), request.POST.getlist("fingerprint")
    shown = dict(zip_longest(hosts, fingerprints[: len(hosts)], fillvalue=""))
    try:
        services.host_keys_accept(actor=request.user, cluster=cluster, seen=shown)
    except OtherKey as error:
        if request.htmx:
            return _probes(request, cluster, refused=error)
        messages.error(request, error.with_hint)
    return _probes(request, cluster) if request.htmx else redirect("wizard", pk, "connection")


def _probes(request: UserRequest, cluster: Cluster, refused: OtherKey | None = None) -> HttpResponse:
    document = services.document_of(cluster)
    values = connection.summary(cluster, document)
    values |= {"cluster": cluster, "rail": flow.rail(cluster, document, connection.PAGE), "oob": True}
    # A poll keeps the message about a refused key; the next test or confirmation removes it.
    values |= {"refused": refused, "answer": request.method == "POST"}
    status = HTTPStatus.OK if refused is None else HTTPStatus.CONFLICT
    return render(request, "wizard/_probes.html", values, status=status)
