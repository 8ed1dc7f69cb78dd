"""Accounts: the first administrator with a one-time password, the password that replaces it, and deactivation."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.translation import gettext as _

from clusters.errors import InstallerError
from clusters.models import Account
from clusters.services.audit import audited

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import AbstractBaseUser


class AccountRefused(InstallerError):
    """This cannot be done to an account."""


@transaction.atomic
def first_admin(name: str = "admin") -> tuple[str, str] | None:
    """Make the first administrator when there is no user at all; gives name and one-time password, shown only now."""
    users = get_user_model().objects
    if users.exists():
        return None
    password = secrets.token_urlsafe(12)
    user = users.create_superuser(name, password=password)
    Account.objects.create(user=user, must_change_password=True)
    audited(None, "account.first", name)
    return name, password


def password_changed(*, actor: AbstractBaseUser) -> None:
    """The person has a password of their own now; call it after every change of password.

    The change itself is in the audit already, as every change of an account (`account_changes`).
    """
    Account.objects.update_or_create(user=actor, defaults={"must_change_password": False})


@transaction.atomic
def accounts_deactivate(*, actor: AbstractBaseUser, users: Sequence[Any]) -> list[str]:
    """Deactivate these accounts; gives the names of those that were active. Live sockets and sessions end with it.

    Raises AccountRefused when the actor is among them: nobody locks themselves out by a wrong tick.
    """
    if any(user.pk == actor.pk for user in users):
        raise AccountRefused(
            _("You cannot deactivate your own account."), hint=_("Leave it out; another administrator can.")
        )
    active = [user for user in users if user.is_active]
    for user in active:
        user.is_active = False
        user.save(update_fields=["is_active"])
    return [user.get_username() for user in active]
