"""Forwarding: a worker forwards the entries of the audit to syslog and a webhook, in order, at least once."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import F, Subquery
from django.utils import timezone

from clusters.errors import InstallerError
from clusters.models import AuditEntry, AuditForward, AuditHead
from clusters.runs.claims.claim import claim
from clusters.runs.notify import syslog
from clusters.runs.notify.courier import PAUSES, Courier, reason_of
from clusters.runs.notify.webhook import post

if TYPE_CHECKING:
    from django.db.models import QuerySet

log = logging.getLogger(__name__)

Way = AuditForward.Way

# Entries in one message. Most are small, except those with lists of machines.
AT_ONCE = 50
# Seconds that a worker has for one message before another worker may send it.
LEASE_SECONDS = 120


def forward_channels() -> list[AuditForward.Way]:
    """The channels by which this installation forwards the audit."""
    to_syslog, to_webhook = bool(settings.SLIPWAY_AUDIT_SYSLOG), bool(settings.SLIPWAY_AUDIT_WEBHOOK_URL)
    return [Way.SYSLOG] * to_syslog + [Way.WEBHOOK] * to_webhook


def audit_courier() -> Courier[AuditForward]:
    """The courier of one worker for the audit."""
    return Courier("the audit", due=_anything_due, claim=claim_forward, send=forward)


def claim_forward() -> AuditForward | None:
    """Claim a channel with entries to send, for two minutes; None when no channel has any."""
    channels = forward_channels()
    missing = set(channels) - set(AuditForward.objects.values_list("way", flat=True)) if channels else ()
    AuditForward.objects.bulk_create([AuditForward(way=way) for way in missing], ignore_conflicts=True)
    for pk in _due().values_list("pk", flat=True):
        if claim(_due(), pk, seconds=LEASE_SECONDS):
            return AuditForward.objects.get(pk=pk)
    return None


def forward(state: AuditForward) -> None:
    """Send the next entries of that channel once, and store the result."""
    entries = list(AuditEntry.objects.filter(number__gt=state.position).order_by("number")[:AT_ONCE])
    mine = AuditForward.objects.filter(pk=state.pk, lease_until=state.lease_until)
    if not entries:  # the end was truncated meanwhile; `manage.py audit verify` reports that
        mine.update(lease_until=None, due_at=timezone.now() + timedelta(seconds=PAUSES[-1]))
        return
    try:
        if state.way == Way.SYSLOG:
            syslog.send(settings.SLIPWAY_AUDIT_SYSLOG, [(entry.at, entry.as_json()) for entry in entries])
        else:
            _post(entries)
    except (InstallerError, OSError, HTTPException, ValueError) as error:
        secrets = (settings.SLIPWAY_AUDIT_WEBHOOK_URL, settings.SLIPWAY_AUDIT_WEBHOOK_SECRET)
        _again(mine, state, reason_of(error, secrets))
        return
    now = timezone.now()
    sent = {"position": entries[-1].number, "worked_at": now, "due_at": now}
    mine.update(**sent, tries=0, error="", lease_until=None)


def _post(entries: list[AuditEntry]) -> None:
    first, last = entries[0].number, entries[-1].number
    payload = {"event": "audit", "entries": [entry.as_json() for entry in entries]}
    body = json.dumps(payload, ensure_ascii=False).encode()
    address, secret = settings.SLIPWAY_AUDIT_WEBHOOK_URL, settings.SLIPWAY_AUDIT_WEBHOOK_SECRET
    post(address, secret, body, f"audit-{first}-{last}-{entries[-1].hash[:16]}")


def _due() -> QuerySet[AuditForward]:
    now = timezone.now()
    count = Subquery(AuditHead.objects.values("count")[:1])
    free = AuditForward.objects.filter(AuditForward.without_lease(now), way__in=forward_channels())
    ready = free.filter(given_up=False, due_at__lte=now)
    return ready.filter(position__lt=count).order_by("pk")


def _anything_due() -> bool:
    """Cheap where nothing is forwarded, since workers call it twice a second."""
    channels = forward_channels()
    if not channels:
        return False
    return _due().exists() or AuditForward.objects.filter(way__in=channels).count() < len(channels)


def _again(mine: Any, state: AuditForward, error: str) -> None:
    tries, now = state.tries + 1, timezone.now()
    log.warning("The audit could not be forwarded by %s (try %s): %s", state.way, tries, error)
    failure = {"failed_at": now, "error": error, "lease_until": None}
    if tries > len(PAUSES):
        mine.update(**failure, tries=tries, given_up=True)
        return
    mine.update(**failure, tries=F("tries") + 1, due_at=now + timedelta(seconds=PAUSES[tries - 1]))
