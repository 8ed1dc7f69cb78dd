"""Actions on the audit itself: download it, and retry its forwarding."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from clusters.models import AuditForward
from clusters.selectors.audit import audit_entries, in_order
from clusters.services.audit import audited
from clusters.services.auditors import READ_AUDIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.models import AuditEntry
    from clusters.selectors.audit import AuditFilter


def audit_download(*, actor: Any, wanted: AuditFilter, form: str) -> Iterator[AuditEntry]:
    """The matching entries, oldest first, for a download in this `form`, which is audited, too."""
    if not actor.has_perm(READ_AUDIT):
        raise PermissionDenied("The audit is for administrators and auditors.")
    asked = {name: value for name, value in asdict(wanted).items() if value}
    audited(actor, "audit.download", "audit", form=form, filter=asked)
    return in_order(audit_entries(wanted))


@transaction.atomic
def audit_forward_again(*, actor: Any, way: str) -> None:
    """Send to this receiver now, even if forwarding was given up; does nothing if the last try succeeded."""
    if not actor.is_superuser:
        raise PermissionDenied("Forwarding the audit is for administrators.")
    state = AuditForward.objects.filter(Q(given_up=True) | Q(tries__gt=0), way=way)
    if state.update(given_up=False, tries=0, due_at=timezone.now()):
        audited(actor, "audit.forward", way)
