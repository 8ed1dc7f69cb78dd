"""Notices: report the end of a run, or a test, by webhook and mail; stored until a worker has delivered them."""

from __future__ import annotations

import json
import logging
import smtplib
import uuid
from datetime import timedelta
from http.client import HTTPException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F
from django.utils import timezone

from clusters.errors import InstallerError
from clusters.models import Notice, Run
from clusters.runs.claims.claim import claim
from clusters.runs.notify.courier import PAUSES, Courier, reason_of
from clusters.runs.notify.webhook import post

log = logging.getLogger(__name__)

# Seconds that a worker has to send a notice before another worker may try.
LEASE_SECONDS = 60
MOST_FAILURES = 5


def announce(run_id: int) -> None:
    """Store a notice of the end of this run for each channel; called in the transaction that ends it."""
    Notice.objects.bulk_create(Notice(run_id=run_id, way=way, key=uuid.uuid4().hex) for way in channels())


def channels() -> list[Notice.Way]:
    """The channels by which this installation sends notices."""
    webhook, mail = bool(settings.SLIPWAY_WEBHOOK_URL), bool(settings.SLIPWAY_NOTIFY_MAIL)
    return [Notice.Way.WEBHOOK] * webhook + [Notice.Way.MAIL] * mail


def notices_courier() -> Courier[Notice]:
    """The courier of one worker for notices."""
    return Courier("notices", due=lambda: _due().exists(), claim=claim_notice, send=deliver)


def claim_notice() -> Notice | None:
    """Claim a due notice for a minute; None when no notice is due."""
    for pk in _due().values_list("pk", flat=True)[:10]:
        if claim(_due(), pk, seconds=LEASE_SECONDS, tries=F("tries") + 1):
            return Notice.objects.select_related("run", "run__cluster", "asked_by").get(pk=pk)
    return None


def deliver(notice: Notice) -> None:
    """Try once, and store the result."""
    mine = Notice.objects.filter(pk=notice.pk, state=Notice.State.WAITING)
    try:
        if notice.way == Notice.Way.WEBHOOK:
            _post(notice)
        else:
            _mail(notice)
    except (InstallerError, OSError, HTTPException, smtplib.SMTPException, ValueError) as error:
        secrets = (settings.SLIPWAY_WEBHOOK_URL, settings.SLIPWAY_WEBHOOK_SECRET, settings.EMAIL_HOST_PASSWORD)
        _again(mine, notice, reason_of(error, secrets))
        return
    mine.update(state=Notice.State.SENT, sent_at=timezone.now(), lease_until=None, error="")
    log.info("The notice of %s was sent by %s", notice.about, notice.way)


def run_payload(run: Run) -> dict[str, Any]:
    """The content of a notice: only what pages also show. Messages and failures were masked when they were stored."""
    seconds = (run.finished_at - run.started_at).total_seconds() if run.started_at and run.finished_at else 0.0
    failures = [
        {"machine": one.get("host", ""), "step": one.get("step", ""), "found": one.get("found", "")}
        for one in run.failures[:MOST_FAILURES]
    ]
    return {
        "event": "run.finished",
        "run": run.pk,
        "attempt": run.attempt,
        "cluster": run.cluster.name,
        "recipe": run.recipe,
        "state": run.state,
        "message": run.message,
        "started_at": run.started_at.isoformat() if run.started_at else None,
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "seconds": round(seconds, 1),
        "failures": failures,
        "url": f"{settings.SLIPWAY_PUBLIC_URL.rstrip('/')}/runs/{run.pk}/" if settings.SLIPWAY_PUBLIC_URL else "",
    }


def trial_payload(notice: Notice) -> dict[str, Any]:
    """The content of a test notice."""
    by = notice.asked_by.get_username() if notice.asked_by else "Somebody"
    message = f"{by} sent a test notification."
    return {"event": "test", "message": message, "url": settings.SLIPWAY_PUBLIC_URL}


def _due() -> Any:
    now = timezone.now()
    waiting = Notice.objects.filter(Notice.without_lease(now), state=Notice.State.WAITING, due_at__lte=now)
    return waiting.order_by("due_at", "id")


def _again(mine: Any, notice: Notice, error: str) -> None:
    log.warning("The notice of %s could not be sent by %s (try %s): %s", notice.about, notice.way, notice.tries, error)
    # The sender of a test waits for the result.
    if notice.run_id is None or notice.tries > len(PAUSES):
        mine.update(state=Notice.State.GIVEN_UP, error=error, lease_until=None)
        return
    due = timezone.now() + timedelta(seconds=PAUSES[notice.tries - 1])
    mine.update(due_at=due, error=error, lease_until=None)


def _post(notice: Notice) -> None:
    payload = run_payload(notice.run) if notice.run is not None else trial_payload(notice)
    body = json.dumps(payload, ensure_ascii=False).encode()
    post(settings.SLIPWAY_WEBHOOK_URL, settings.SLIPWAY_WEBHOOK_SECRET, body, notice.key)


def _mail(notice: Notice) -> None:
    subject, lines = _run_mail(notice.run) if notice.run is not None else _trial_mail(notice)
    EmailMessage(
        subject=f"[Slipway] {subject}",
        body="\n".join(lines),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=list(settings.SLIPWAY_NOTIFY_MAIL),
        headers={"Message-ID": f"<{notice.key}@slipway>"},
    ).send()


def _run_mail(run: Run) -> tuple[str, list[str]]:
    facts = run_payload(run)
    lines = [
        f"{facts['cluster']}: {run.get_state_display()}",
        "",
        facts["message"],
        "",
        f"Run {facts['run']}, attempt {facts['attempt']}, {facts['recipe']}",
        f"Started {facts['started_at'] or '-'}, ended {facts['finished_at'] or '-'} ({facts['seconds']:.0f} s)",
    ]
    lines += [f"- {one['step']} on {one['machine']}: {one['found']}" for one in facts["failures"]]
    lines += ["", facts["url"]] if facts["url"] else []
    return f"{' '.join(facts['cluster'].split())}: {facts['state']}", lines


def _trial_mail(notice: Notice) -> tuple[str, list[str]]:
    facts = trial_payload(notice)
    return "test", [facts["message"], *(["", facts["url"]] if facts["url"] else [])]
