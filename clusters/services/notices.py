"""notices_test(): a test of the notifications about ends of runs."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from clusters.models import Notice
from clusters.runs.notify.outbox import channels
from clusters.services.audit import audited
from clusters.services.reasons import NotPossible

if TYPE_CHECKING:
    from django.contrib.auth.models import User

BETWEEN_SECONDS = 10.0
"""Between two tests: mails go to people."""


def notices_test(*, actor: User | None) -> None:
    """Have a worker send one test through each configured channel, without retries.

    Raises NotPossible when no channel is configured, or shortly after the last test.
    """
    found = channels()
    if not found:
        raise NotPossible(_("Neither a webhook nor a mail address is configured."), hint=_("See SLIPWAY_WEBHOOK_URL."))
    now = timezone.now()
    with transaction.atomic():
        recent = Notice.objects.filter(run=None, asked_at__gt=now - timedelta(seconds=BETWEEN_SECONDS))
        if recent.exists():
            raise NotPossible(_("A test was sent a moment ago."), hint=_("Wait ten seconds."))
        # Only the newest test of each channel is useful.
        Notice.objects.filter(run=None).delete()
        Notice.objects.bulk_create(
            Notice(way=way, key=uuid.uuid4().hex, asked_by=actor, asked_at=now, due_at=now) for way in found
        )
        audited(actor, "notices.test", ", ".join(found))
