"""Accounts: one-time passwords of the first administrator and of new accounts, password changes, deactivation."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from clusters.errors import InstallerError
from clusters.models import Account
from clusters.places import command_line
from clusters.services.audit import audited

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import User

ONE_TIME = timedelta(hours=24)
"""How long a one-time password can be used."""


class OneTimeExpired(InstallerError):
    """The password is correct, but it is an expired one-time password."""

    def __init__(self) -> None:
        super().__init__(
            _("This one-time password has expired: it was valid for 24 hours."),
            hint=_("Ask an administrator for a new one. On the server: %(command)s.")
            % {"command": command_line("changepassword NAME")},
        )


class AccountRefused(InstallerError):
    """The action is not possible for an account."""


@transaction.atomic
def first_admin(name: str = "admin") -> tuple[str, str] | None:
    """Create the first administrator when no user exists; returns name and one-time password, shown only now.

    When nobody has ever logged in and that password has expired, the account gets a new one.
    """
    users = get_user_model().objects
    password = secrets.token_urlsafe(12)
    if users.exists():
        user = _never_came()
        if user is None:
            return None
        user.set_password(password)
        user.save()
    else:
        user = users.create_superuser(name, password=password)
    _give_one_time(user)
    audited(None, "account.first", user.get_username())
    return user.get_username(), password


@transaction.atomic
def one_time_password_given(*, actor: User, user: User) -> None:
    """An administrator created this account or reset its password: its owner must choose a new one first."""
    _give_one_time(user)
    audited(actor, "account.one_time", user)


def one_time_password_check(user: User) -> None:
    """Raises OneTimeExpired when the user has an expired one-time password."""
    account = Account.objects.filter(user_id=user.pk, must_change_password=True).first()
    if account is not None and _is_over(account):
        raise OneTimeExpired


def password_changed(*, actor: User) -> None:
    """The user has chosen a password; call it after every change of password.

    The change itself is already in the audit, like every change of an account (`account_changes`).
    """
    Account.objects.update_or_create(user=actor, defaults={"must_change_password": False, "one_time_since": None})


@transaction.atomic
def accounts_deactivate(*, actor: User, users: Sequence[Any]) -> list[str]:
    """Deactivate these accounts; returns the names of those that were active. Their live sockets and sessions end.

    Raises AccountRefused when the actor is among them, so that users don't lock themselves out by mistake.
    """
    if any(user.pk == actor.pk for user in users):
        raise AccountRefused(
            _("You cannot deactivate your own account."), hint=_("Deselect it, or ask another administrator.")
        )
    known = get_user_model().objects.select_for_update().filter(pk__in=[user.pk for user in users], is_active=True)
    active = list(known.order_by("pk"))
    for user in active:
        user.is_active = False
        user.save(update_fields=["is_active"])
    return [user.get_username() for user in active]


def _never_came() -> User | None:
    """The first administrator, if there are no other accounts and its one-time password has expired unused."""
    found = list(get_user_model().objects.all()[:2])
    if len(found) != 1 or found[0].last_login is not None:
        return None
    account = Account.objects.filter(user=found[0], must_change_password=True).first()
    return found[0] if account is not None and _is_over(account) else None


def _give_one_time(user: User) -> None:
    given = {"must_change_password": True, "one_time_since": timezone.now()}
    Account.objects.update_or_create(user=user, defaults=given)


def _is_over(account: Account) -> bool:
    return account.one_time_since is not None and account.one_time_since <= timezone.now() - ONE_TIME
