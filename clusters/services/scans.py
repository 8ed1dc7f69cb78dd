"""Scans of networks: requested here, carried out by the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from clusters.models import Scan
from clusters.remote.connection.networks import LAST_PORT
from clusters.remote.scan import ScanRefused, addresses_of
from clusters.runs.access.targets import allowed_networks
from clusters.services.audit import allowed, audited

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from clusters.models import Cluster


@transaction.atomic
def scan_start(*, actor: User | None, cluster: Cluster, network: str, port: int = 22) -> Scan:
    """Request a scan that replaces the previous one.

    Raises ScanRefused for anything other than a network of at most a /22 within the allowed ones, and for ports that do
    not exist.
    """
    allowed(actor, cluster)
    total = len(addresses_of(network, allowed_networks()))
    if not 1 <= port <= LAST_PORT:
        raise ScanRefused(f"Port {port} does not exist; allowed are 1 to {LAST_PORT}.", hint="The default is 22.")
    fields = {
        "network": network.strip(),
        "port": port,
        "state": "waiting",
        "total": total,
        "looked": 0,
        "found": [],
        "message": "",
        "worker": "",
        "lease_until": None,
        "asked_by": actor,
        "asked_at": timezone.now(),
        "finished_at": None,
    }
    scan, _made = Scan.objects.update_or_create(cluster=cluster, defaults=fields)
    audited(actor, "scan.start", cluster.name, cluster=cluster.pk, network=scan.network, port=port)
    return scan


@transaction.atomic
def scan_cancel(*, actor: User | None, cluster: Cluster) -> None:
    """End the scan of this draft; its results so far are kept."""
    allowed(actor, cluster)
    ended = {"state": "cancelled", "finished_at": timezone.now(), "lease_until": None}
    if Scan.objects.filter(cluster=cluster, state__in=Scan.ACTIVE).update(**ended):
        audited(actor, "scan.cancel", cluster.name, cluster=cluster.pk)
