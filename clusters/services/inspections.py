"""Inspections: the prechecks alone, requested here, run by the worker; and waivers of their findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from clusters import catalog
from clusters.config.finding import Severity
from clusters.engine.check import CHECKS
from clusters.engine.step import discover
from clusters.models import Cluster, Inspection
from clusters.services.audit import allowed, audited
from clusters.services.reasons import given_reason
from clusters.services.waivers import PRECHECK, save_waivers, signature, withdraw

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.contrib.auth.models import User


@transaction.atomic
def inspection_start(
    *, actor: User | None, cluster: Cluster, checks: Collection[str] = (), hosts: Collection[str] = ()
) -> Inspection:
    """Request these prechecks on these machines, or all; other earlier results are kept for the same draft."""
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


@transaction.atomic
def precheck_waive(*, actor: User | None, cluster: Cluster, key: str, given: bool, reason: str = "") -> Cluster:
    """Waive or acknowledge a finding of the newest inspection, or withdraw that; `key` is from `precheck_key`.

    It applies to this check, this severity, and the machines on which it was found. A key without a finding, or of one
    that may not be waived, changes nothing. Raises ReasonMissing for an error without a reason.
    """
    allowed(actor, cluster)
    cluster = Cluster.objects.select_for_update().get(pk=cluster.pk)
    if not given:
        if any(each["key"] == key for each in cluster.waivers):
            withdraw(actor, cluster, key)
        return cluster
    found = _waivable_findings(cluster, key)
    if not found:
        return cluster
    id, _colon, severity = key.removeprefix(PRECHECK).partition(":")
    hosts = list(dict.fromkeys(host for host, _message in found))
    about: dict[str, Any] = {"key": key, "id": id, "severity": severity, "hosts": hosts, "text": found[0][1]}
    why = {"reason": given_reason(reason, id)} if severity == Severity.ERROR else {}
    about |= why
    mine = about | signature(actor)
    if any(each | {"at": ""} == mine | {"at": ""} for each in cluster.waivers):
        return cluster  # the same press again
    others = [each for each in cluster.waivers if each["key"] != key]
    save_waivers(cluster, [*others, mine])
    audited(actor, "waiver.give", cluster.name, cluster=cluster.pk, id=id, hosts=hosts, text=found[0][1], **why)
    return cluster


def precheck_key(check: str, severity: str) -> str:
    """The key of an acknowledgement of a precheck's findings."""
    return f"{PRECHECK}{check}:{severity}"


def may_be_waived(check: str) -> bool:
    """Whether the findings of this precheck may be waived."""
    discover(catalog)
    found = CHECKS.checks.get(check)
    return found is not None and found.waivable


def _waivable_findings(cluster: Cluster, key: str) -> list[tuple[str, str]]:
    """Machine and message of each finding with this key that may be waived. A check that broke has no findings."""
    row = Inspection.objects.filter(cluster=cluster).first()
    return [
        (result["host"], found["message"])
        for result in (row.results if row is not None else [])
        for found in result["found"]
        if precheck_key(result["check"], found["severity"]) == key
        and not found.get("broke")
        and may_be_waived(result["check"])
    ]
