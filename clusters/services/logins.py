"""Logins, failed ones, lockouts, logouts and wrong passwords on other pages become entries of the audit.

What was typed as a name is written only where an account is called so: people type passwords into the wrong field.
Of anything else not even a hash is kept, since a password can be guessed from one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.dispatch import receiver

from clusters.models import Session
from clusters.services.audit import Outcome, audited, audited_once, missing_entry_logged
from clusters.services.origin import asked_from
from clusters.services.password_limits import RULES, TooManyTries, account_name

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser
    from django.http import HttpRequest

LOCKOUT, CHECK = "login.lockout", "password.check"
LONGEST_PAUSE = max(rule.longest for rule in RULES.values())


@receiver(user_logged_in)
def logged_in(sender: Any, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> None:
    """Without its entry the login fails."""
    with asked_from(request):
        audited(user, "login", user.get_username())


@receiver(user_logged_out)
def logged_out(sender: Any, request: HttpRequest, user: AbstractBaseUser | None, **kwargs: Any) -> None:
    """Sent before the session is gone; without a user nobody was logged in.

    The row goes here, in the transaction of the entry: of many requests at the same moment one ends the session.
    """
    if user is None:
        return
    with asked_from(request), transaction.atomic():
        if Session.objects.filter(pk=request.session.row_key).delete()[0]:
            audited(user, "logout", user.get_username())


@receiver(user_login_failed)
def login_failed(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    """A login that failed, or whose password was not looked at after too many wrong ones. The latter are one entry an
    hour: nobody fills the database by going on."""
    if request is None:
        _write_failure(known_name(credentials), locked=False)
        return
    with asked_from(request):
        _write_failure(known_name(credentials), locked=_is_limited(request))


def _is_limited(request: HttpRequest) -> bool:
    return isinstance(getattr(request, "password_refusal", None), TooManyTries)


def known_name(credentials: dict[str, Any]) -> str:
    """The name that was typed if an account is called so, else UNKNOWN_NAME."""
    return account_name(str(credentials.get(get_user_model().USERNAME_FIELD) or credentials.get("username") or ""))


def _write_failure(name: str, *, locked: bool) -> None:
    deed, outcome = (LOCKOUT, Outcome.REFUSED) if locked else ("login", Outcome.FAILED)
    with missing_entry_logged(deed, outcome):
        if locked:
            audited_once(LOCKOUT, name, within=LONGEST_PAUSE, same={"target": name}, outcome=outcome)
        else:
            audited(None, "login", name, outcome=outcome)


def password_failed(user: AbstractBaseUser, *, locked: bool) -> None:
    """Somebody who is signed in gave a wrong password to a page, or one that was not looked at after too many.

    The latter are one entry, as with logins.
    """
    name, outcome = user.get_username(), Outcome.REFUSED if locked else Outcome.FAILED
    with missing_entry_logged(CHECK, outcome):
        if locked:
            audited_once(CHECK, name, within=LONGEST_PAUSE, same={"outcome": outcome}, actor=user, outcome=outcome)
        else:
            audited(user, "password.check", name, outcome=outcome)
