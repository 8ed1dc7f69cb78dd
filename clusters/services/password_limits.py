"""Limits for wrong passwords: counts per account, per address and per pair of both, with pauses that double."""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext, ngettext

from clusters.errors import InstallerError
from clusters.models import PasswordLimit
from clusters.models.columns import longest
from clusters.services.audit import audited

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import User

Kind = PasswordLimit.Kind

FIRST_PAUSE = timedelta(minutes=1)
"""After the last free wrong password; each further one doubles it."""

ONE_FORGOTTEN_IN = timedelta(hours=1)
"""Counts drop by one in this time, or an office with a few typos every day would eventually be locked out."""

FORGOTTEN_AFTER = timedelta(hours=24)
"""A count without a wrong password for this long is deleted."""

UNKNOWN = "no account "
"""The prefix of the stored subject for a name without an account."""
CODE = 16
"""Digits of the code for such a name."""
UNKNOWN_NAME = "(unknown name)"
"""Its name in the audit: not even the code, because people type passwords into the wrong field."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`free` wrong passwords without a pause; no pause is longer than `longest`."""

    free: int
    longest: timedelta

    def pause(self, failures: float) -> timedelta | None:
        """How long no password is checked after so many wrong ones; None while they are free."""
        beyond = math.ceil(failures) - self.free
        return None if beyond < 0 else min(FIRST_PAUSE * 2 ** min(beyond, 20), self.longest)


RULES = {
    # Against guessers with many addresses. Short pauses, because the owner waits too, in an unknown browser.
    Kind.ACCOUNT: Rule(free=20, longest=timedelta(minutes=15)),
    # Against guessers with many names. An office behind one address makes fewer typos.
    Kind.ADDRESS: Rule(free=20, longest=timedelta(hours=1)),
    Kind.BOTH: Rule(free=5, longest=timedelta(hours=1)),
    Kind.BROWSER: Rule(free=5, longest=timedelta(hours=1)),
}


class TooManyTries(InstallerError):
    """No password is checked before `until`; correct ones are refused, too. The message is the same for every name."""

    retryable = True

    def __init__(self, until: datetime) -> None:
        minutes = max(1, -int((timezone.now() - until).total_seconds() // 60))
        self.until = until
        super().__init__(
            ngettext(
                "Too many wrong passwords. Try again in %(n)d minute.",
                "Too many wrong passwords. Try again in %(n)d minutes.",
                minutes,
            )
            % {"n": minutes},
            hint=gettext("An administrator can lift the limit."),
        )


@dataclass(frozen=True, slots=True)
class Tried:
    """A password that is being checked; it counts as wrong until `password_right` reverts that."""

    rows: tuple[int, ...]


@transaction.atomic
def password_try(*, name: str, address: str, browser: str = "") -> Tried:
    """Count a password before it is checked, so that parallel attempts gain nothing over sequential ones.

    `browser` is the mark of a browser from which this account has signed in before: it has a separate count, and the
    others do not limit it, so that nobody can lock users out by guessing. Raises TooManyTries.
    """
    now = timezone.now()
    rows = [_row(kind, subject, now) for kind, subject in _subjects(name, address, browser)]
    if waits := [row.until for row in rows if row.until is not None and row.until > now]:
        raise TooManyTries(max(waits))
    for row in rows:
        row.failures += 1
        row.last_at = now
        pause = RULES[Kind(row.kind)].pause(row.failures)
        row.until = now + pause if pause else None
        row.save()
    for row in rows:
        if row.until is not None:
            seconds = int((row.until - now).total_seconds())
            audited(None, "password.limited", _for_audit(row), kind=row.kind, failures=row.wrong, seconds=seconds)
    return Tried(tuple(row.pk for row in rows))


@transaction.atomic
def password_right(tried: Tried) -> None:
    """The password was correct: reset the account's counts, and subtract this attempt from the address.

    The address keeps the rest; otherwise a user with an account could guess other passwords without a limit.
    """
    for pk in tried.rows:  # one by one, in the order of `password_try`
        row = PasswordLimit.objects.select_for_update().filter(pk=pk).first()
        if row is None:
            continue
        if row.kind != Kind.ADDRESS or row.failures <= 1:
            row.delete()
        else:
            row.failures -= 1
            row.until = None
            row.save()


@transaction.atomic
def password_limit_lift(*, actor: User, pk: int) -> bool:
    """Delete a count; returns whether it existed. Only pages for administrators call it."""
    row = PasswordLimit.objects.select_for_update().filter(pk=pk).first()
    if row is None:
        return False
    subject, kind, failures = _for_audit(row), row.kind, row.wrong
    row.delete()
    audited(actor, "password.lifted", subject, kind=kind, failures=failures)
    return True


@transaction.atomic
def password_limits_forget() -> None:
    """Delete old counts, except those that a sign-in is using: it locks them in a different order."""
    old = PasswordLimit.objects.select_for_update(skip_locked=True).filter(last_at__lt=timezone.now() - FORGOTTEN_AFTER)
    PasswordLimit.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()


def account_name(typed: str) -> str:
    """The typed name if an account has it, else UNKNOWN_NAME."""
    users = get_user_model()
    # PostgreSQL does not accept NUL, and no name is longer than its column.
    if not typed or "\0" in typed or len(typed) > longest(users, users.USERNAME_FIELD):
        return UNKNOWN_NAME
    return typed if users._default_manager.filter(**{users.USERNAME_FIELD: typed}).exists() else UNKNOWN_NAME


def _for_audit(row: PasswordLimit) -> str:
    if not row.subject.startswith(UNKNOWN):
        return row.subject
    return UNKNOWN_NAME + row.subject[len(UNKNOWN) + CODE :]


def _row(kind: Kind, subject: str, now: datetime) -> PasswordLimit:
    """The current count, locked."""
    row, _is_new = PasswordLimit.objects.select_for_update().get_or_create(kind=kind, subject=subject)
    row.failures = max(0.0, row.failures - max(0.0, (now - row.last_at) / ONE_FORGOTTEN_IN))
    return row


def _subjects(name: str, address: str, browser: str) -> list[tuple[Kind, str]]:
    """What is counted, always in the same order, so that two transactions never deadlock."""
    account = _account(name)
    if browser:
        return [(Kind.BROWSER, f"{account} {browser}"[:255])]
    network = _network(address)
    return [(Kind.ACCOUNT, account), (Kind.ADDRESS, network), (Kind.BOTH, f"{account} {network}"[:255])]


def _account(name: str) -> str:
    known = account_name(name)
    if known != UNKNOWN_NAME:
        return known
    return UNKNOWN + salted_hmac("clusters.password_limits", name).hexdigest()[:CODE]


def _network(address: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 address, because one user has 2^64 of these."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))
