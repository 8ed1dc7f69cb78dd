"""EncryptedTextField: text that the database holds only as Fernet tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

from clusters.errors import InstallerError
from clusters.places import command_line

if TYPE_CHECKING:
    _TextField = models.TextField[str, str]
else:
    # Django's fields take no types when they run.
    _TextField = models.TextField


class KeyMissing(InstallerError):
    """None of this installation's keys decrypts a stored value."""


def keys() -> MultiFernet:
    """The keys of this installation, newest first; raises ImproperlyConfigured for an invalid Fernet key."""
    try:
        return MultiFernet([Fernet(key) for key in settings.SLIPWAY_SECRET_KEYS])
    except ValueError as error:
        raise ImproperlyConfigured(
            "SLIPWAY_SECRET_KEYS (or the file fernet-keys in the data directory) has no Fernet key, or an invalid one."
        ) from error


class EncryptedTextField(_TextField):
    """Encrypts with the first key, decrypts with any; empty values stay empty.

    A value that no key decrypts raises KeyMissing: ciphertext is never returned as if it were the text.
    The field can be neither searched nor compared, because the same text has a different token each time.
    """

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return keys().encrypt(value.encode()).decode() if value else value

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        """Decrypt the token."""
        if not value:
            return value
        try:
            return keys().decrypt(value.encode()).decode()
        except InvalidToken as error:
            raise KeyMissing(
                f"{self.model._meta.label}.{self.name} was encrypted with a key that is not among the "
                f"{len(settings.SLIPWAY_SECRET_KEYS)} keys of SLIPWAY_SECRET_KEYS.",
                hint="Put the old key back, after the new one; "
                f"`{command_line('rotate_keys')}` then encrypts everything with the new one.",
            ) from error

    def get_lookup(self, lookup_name: str) -> Any:
        """Encrypted values support only isnull."""
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None
