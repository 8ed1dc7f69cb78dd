"""The data of sign-in pages: a user's sessions, and for administrators the counts of wrong passwords."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from clusters.models import PasswordLimit, Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import User
    from django.db.models import QuerySet

MOST_LIMITS = 200
"""How many counts the page shows, the latest first."""

# Part of a User-Agent -> the browser's name; the first match counts, since each also names its ancestors.
BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrom", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session in the list; `is_this` for the session of this page."""

    session: Session
    browser: str
    is_this: bool


def sessions_of(user: User, this: str) -> list[SessionRow]:
    """The sessions of a user, this one (given by its hash) first, then by last use."""
    rows = Session.objects.alive().filter(user_id=user.pk)
    found = [SessionRow(row, browser_name(row.browser), row.pk == this) for row in rows]
    return sorted(found, key=lambda row: not row.is_this)


def browser_name(agent: str) -> str:
    """The name of the browser with this User-Agent, such as "Firefox on Linux"; "" if it is unknown."""
    browser = _first(BROWSERS, agent)
    system = _first(SYSTEMS, agent)
    return f"{browser} on {system}" if browser and system else browser or system


def password_limits() -> QuerySet[PasswordLimit]:
    """The counts of wrong passwords of the last day, the latest first."""
    return PasswordLimit.objects.filter(last_at__gt=timezone.now() - timedelta(hours=24))[:MOST_LIMITS]


def _first(names: Sequence[tuple[str, str]], agent: str) -> str:
    return next((name for mark, name in names if mark in agent), "")
