"""How many wrong passwords are accepted: counts per account, per address and of both, with pauses that double."""

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
from clusters.services.audit import audited

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import AbstractBaseUser

Kind = PasswordLimit.Kind

FIRST_PAUSE = timedelta(minutes=1)
"""After the last wrong password that is free; each further one doubles it."""

ONE_FORGOTTEN_IN = timedelta(hours=1)
"""Counts sink by one in this time, or an office that mistypes every day would be locked out one day."""

FORGOTTEN_AFTER = timedelta(hours=24)
"""A count without a wrong password for so long is deleted."""

UNKNOWN = "no account "
"""What the stored subject of a name without an account begins with."""
CODE = 16
"""Digits of the code that stands for such a name."""
UNKNOWN_NAME = "(unknown name)"
"""What the audit says of it: not even the code, since people type passwords into the wrong field."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`free` wrong passwords without a pause; no pause is longer than `longest`."""

    free: int
    longest: timedelta

    def pause(self, failures: float) -> timedelta | None:
        """How long after so many wrong passwords none is looked at; None while they are free."""
        beyond = math.ceil(failures) - self.free
        return None if beyond < 0 else min(FIRST_PAUSE * 2 ** min(beyond, 20), self.longest)


RULES = {
    # Of a guesser with many addresses. Short pauses, because its owner waits too, in a browser that is not known.
    Kind.ACCOUNT: Rule(free=20, longest=timedelta(minutes=15)),
    # Of a guesser with many names. An office behind one address mistypes less.
    Kind.ADDRESS: Rule(free=20, longest=timedelta(hours=1)),
    Kind.BOTH: Rule(free=5, longest=timedelta(hours=1)),
    Kind.BROWSER: Rule(free=5, longest=timedelta(hours=1)),
}


class TooManyTries(InstallerError):
    """No password is looked at before `until`; right ones are refused too. Says the same of every name."""

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
    """A password that is being looked at; it counts as wrong until `password_right` takes it back."""

    rows: tuple[int, ...]


@transaction.atomic
def password_try(*, name: str, address: str, browser: str = "") -> Tried:
    """Count a password before it is looked at, so that many at the same moment are no more than one after another.

    `browser` is the mark of a browser in which this account was signed in to before: it has a count of its own, and
    the others do not stop it, so that nobody can lock people out by guessing. Raises TooManyTries.
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
    """The password was right: the account's counts begin again, and the address gets back this one.

    An address keeps the rest; else a user with an account could guess other passwords without a limit.
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
def password_limit_lift(*, actor: AbstractBaseUser, pk: int) -> bool:
    """Forget a count; whether it was there. Only the pages of administrators call it."""
    row = PasswordLimit.objects.select_for_update().filter(pk=pk).first()
    if row is None:
        return False
    subject, kind, failures = _for_audit(row), row.kind, row.wrong
    row.delete()
    audited(actor, "password.lifted", subject, kind=kind, failures=failures)
    return True


@transaction.atomic
def password_limits_forget() -> None:
    """Delete the counts that are old, except those that a sign-in is using: it locks them in another order."""
    old = PasswordLimit.objects.select_for_update(skip_locked=True).filter(last_at__lt=timezone.now() - FORGOTTEN_AFTER)
    PasswordLimit.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()


def account_name(typed: str) -> str:
    """The typed name if an account is called so, else UNKNOWN_NAME."""
    users = get_user_model()
    longest = users._meta.get_field(users.USERNAME_FIELD).max_length or 0
    # PostgreSQL takes no NUL, and no name is longer than its column.
    if not typed or "\0" in typed or len(typed) > longest:
        return UNKNOWN_NAME
    return typed if users._default_manager.filter(**{users.USERNAME_FIELD: typed}).exists() else UNKNOWN_NAME


def _for_audit(row: PasswordLimit) -> str:
    if not row.subject.startswith(UNKNOWN):
        return row.subject
    return UNKNOWN_NAME + row.subject[len(UNKNOWN) + CODE :]


def _row(kind: Kind, subject: str, now: datetime) -> PasswordLimit:
    """The count as it is now, locked."""
    row, _is_new = PasswordLimit.objects.select_for_update().get_or_create(kind=kind, subject=subject)
    row.failures = max(0.0, row.failures - max(0.0, (now - row.last_at) / ONE_FORGOTTEN_IN))
    return row


def _subjects(name: str, address: str, browser: str) -> list[tuple[Kind, str]]:
    """What is counted, always in the same order, so that two transactions never wait for each other."""
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
    """An IPv4 address, or the /64 of an IPv6 address, of which one person has 2^64."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))
