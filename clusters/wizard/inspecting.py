"""Prechecks on the review page: asked for, watched, and equal findings told once for all machines that have them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from clusters import services
from clusters.models import Inspection
from clusters.selectors import cluster_for
from clusters.wizard.reachability import table_of

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from clusters.models import Cluster

_WEIGHT = {"error": 0, "warning": 1, "info": 2}


@dataclass
class Group:
    """One check's findings of one severity; `told` is machine and sentence of each."""

    check: str
    title: str
    severity: str
    fix: str
    told: list[tuple[str, str]] = field(default_factory=list)

    @property
    def hosts(self) -> list[str]:
        """The machines, once each."""
        return list(dict.fromkeys(host for host, _message in self.told))


def seen(cluster: Cluster) -> dict[str, Any]:
    """What the newest inspection found, the worst first."""
    row = Inspection.objects.filter(cluster=cluster).first()
    if row is None:
        return {"inspection": None}
    groups: dict[tuple[str, str], Group] = {}
    for result in row.results:
        for found in result["found"]:
            key = (result["check"], found["severity"])
            group = groups.setdefault(key, Group(result["check"], result["title"], found["severity"], found["fix"]))
            group.told.append((result["host"], found["message"]))
    words = {
        "waiting": _("Waiting for a worker"),
        "running": _("Checking"),
        "done": _("Finished"),
        "failed": _("Failed"),
    }
    states = [result["state"] for result in row.results]
    return {
        "inspection": row,
        "inspection_word": words.get(row.state, row.state),
        "check_groups": sorted(groups.values(), key=lambda group: (_WEIGHT.get(group.severity, 3), group.check)),
        "checks_over": sum(state not in ("waiting", "running") for state in states),
        "checks_good": sum(state == "same" for state in states),
        "checks_all": len(states),
        "reach": table_of(row.results),
        "inspection_old": row.version != cluster.version,
    }


@require_GET
def table(request: HttpRequest, pk: int) -> HttpResponse:
    """How far it is, asked for again and again while it goes on."""
    cluster = cluster_for(request.user, pk)
    return render(request, "wizard/_checks.html", {"cluster": cluster, **seen(cluster)})


@require_POST
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Look at the checks named by `check` on the machines named by `host`, or at all."""
    cluster = cluster_for(request.user, pk)
    checks, hosts = request.POST.getlist("check"), request.POST.getlist("host")
    services.inspection_start(actor=request.user, cluster=cluster, checks=checks, hosts=hosts)
    if request.htmx:
        return render(request, "wizard/_checks.html", {"cluster": cluster, **seen(cluster)})
    return redirect("wizard", pk, "review")
