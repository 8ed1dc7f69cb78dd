"""Accounts: the first administrator with a one-time password, and the password that replaces it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db import transaction

from clusters.models import Account
from clusters.services.audit import audited

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


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
    """The person has a password of their own now; call it after every change of password."""
    Account.objects.update_or_create(user=actor, defaults={"must_change_password": False})
    audited(actor, "account.password", actor)
