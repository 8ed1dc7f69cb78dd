"""Ending a user's sessions: one in another browser, or all others; their live sockets end with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from clusters.models import Session
from clusters.runs.events.doorbell import session_ended
from clusters.services.audit import audited

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.db.models import QuerySet


def session_end(*, actor: User, session: str) -> bool:
    """End one session of the actor, given by its hash; returns whether it existed."""
    return _end(actor, Session.objects.filter(user_id=actor.pk, pk=session)) == 1


def sessions_end_others(*, actor: User, keep: str) -> int:
    """End all sessions of the actor except the one with this hash; returns their number."""
    return _end(actor, Session.objects.filter(user_id=actor.pk).exclude(pk=keep))


def sessions_forget() -> None:
    """Delete the rows of expired sessions."""
    Session.objects.over().delete()


def _end(actor: User, wanted: QuerySet[Session]) -> int:
    with transaction.atomic():
        # Locked, so that only one of two requests for the same session ends it and writes its entry.
        sessions = list(wanted.select_for_update().values_list("pk", flat=True))
        if not sessions:
            return 0
        Session.objects.filter(pk__in=sessions).delete()
        audited(actor, "session.end", actor, sessions=len(sessions))
    for session in sessions:
        session_ended(session)
    return len(sessions)
