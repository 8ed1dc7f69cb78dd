"""Inspections: the prechecks alone, asked for here, carried out by the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from clusters.models import Inspection
from clusters.services.audit import allowed, audited

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.contrib.auth.models import AbstractBaseUser

    from clusters.models import Cluster


@transaction.atomic
def inspection_start(
    *, actor: AbstractBaseUser | None, cluster: Cluster, checks: Collection[str] = (), hosts: Collection[str] = ()
) -> Inspection:
    """Ask for these prechecks on these machines, or for all; what else was found before is kept for the same draft."""
    allowed(actor, cluster)
    before = Inspection.objects.filter(cluster=cluster).first()
    keep = before is not None and before.version == cluster.version and (checks or hosts)
    fields = {
        "state": "waiting",
        "version": cluster.version,
        "checks": sorted(checks),
        "hosts": sorted(hosts),
        "results": before.results if before is not None and keep else [],
        "message": "",
        "worker": "",
        "lease_until": None,
        "asked_by": actor,
        "asked_at": timezone.now(),
        "finished_at": None,
    }
    row, _made = Inspection.objects.update_or_create(cluster=cluster, defaults=fields)
    audited(actor, "inspection.start", cluster.name, cluster=cluster.pk, checks=row.checks, hosts=row.hosts)
    return row
