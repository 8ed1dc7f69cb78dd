"""Audit entries for logins, failed logins, lockouts, logouts and wrong passwords on other pages.

A typed name is recorded only if an account has that name: people type passwords into the wrong field. Of any other
text not even a hash is stored, because a password can be guessed from one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.dispatch import receiver

from clusters.models import Session
from clusters.services.audit import Outcome, audited, audited_once, log_missing_entry
from clusters.services.origin import asked_from
from clusters.services.password_limits import RULES, TooManyTries, account_name

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.http import HttpRequest

    from clusters.services.requests import SessionRequest

LOCKOUT, CHECK = "login.lockout", "password.check"
LONGEST_PAUSE = max(rule.longest for rule in RULES.values())


@receiver(user_logged_in)
def logged_in(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """If its entry cannot be written, the login fails."""
    with asked_from(request):
        audited(user, "login", user.get_username())


@receiver(user_logged_out)
def logged_out(sender: Any, request: SessionRequest, user: User | None, **kwargs: Any) -> None:
    """Sent before the session is deleted; without a user nobody was logged in.

    The row is deleted here, in the transaction of the entry: of many requests at the same moment one ends the session.
    """
    if user is None:
        return
    with asked_from(request), transaction.atomic():
        if Session.objects.filter(pk=request.session.row_key).delete()[0]:
            audited(user, "logout", user.get_username())


@receiver(user_login_failed)
def login_failed(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    """A login that failed, or whose password was not checked after too many wrong ones. The latter make one entry an
    hour, so that nobody can fill the database."""
    if request is None:
        _write_failure(known_name(credentials), locked=False)
        return
    with asked_from(request):
        _write_failure(known_name(credentials), locked=_is_limited(request))


def _is_limited(request: HttpRequest) -> bool:
    return isinstance(getattr(request, "password_refusal", None), TooManyTries)


def known_name(credentials: dict[str, Any]) -> str:
    """The typed name if an account has it, else UNKNOWN_NAME."""
    return account_name(str(credentials.get(get_user_model().USERNAME_FIELD) or credentials.get("username") or ""))


def _write_failure(name: str, *, locked: bool) -> None:
    deed, outcome = (LOCKOUT, Outcome.REFUSED) if locked else ("login", Outcome.FAILED)
    with log_missing_entry(deed, outcome):
        if locked:
            audited_once(LOCKOUT, name, within=LONGEST_PAUSE, same={"target": name}, outcome=outcome)
        else:
            audited(None, "login", name, outcome=outcome)


def password_failed(user: User, *, locked: bool) -> None:
    """A signed-in user entered a wrong password on a page, or one that was not checked after too many.

    The latter make one entry, as with logins.
    """
    name, outcome = user.get_username(), Outcome.REFUSED if locked else Outcome.FAILED
    with log_missing_entry(CHECK, outcome):
        if locked:
            audited_once(CHECK, name, within=LONGEST_PAUSE, same={"outcome": outcome}, actor=user, outcome=outcome)
        else:
            audited(user, "password.check", name, outcome=outcome)
