"""EncryptedTextField: text that lies in the database only as Fernet tokens."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

from clusters.errors import InstallerError
from clusters.places import command_line


class KeyMissing(InstallerError):
    """None of the keys of this installation opens what is stored."""


def keys() -> MultiFernet:
    """The keys of this installation, newest first; raises ImproperlyConfigured when one of them is no Fernet key."""
    try:
        return MultiFernet([Fernet(key) for key in settings.SLIPWAY_SECRET_KEYS])
    except ValueError as error:
        raise ImproperlyConfigured(
            "SLIPWAY_SECRET_KEYS (or the file fernet-keys in the data directory) holds no Fernet key, "
            "or something that is none."
        ) from error


class EncryptedTextField(models.TextField):
    """Encrypts with the first key, decrypts with any; nothing stays nothing.

    A value that no key opens raises KeyMissing: ciphertext is never handed out as if it were the text.
    The field can be neither searched nor compared, since the same text has another token each time.
    """

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return keys().encrypt(value.encode()).decode() if value else value

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        """The text behind the token."""
        if not value:
            return value
        try:
            return keys().decrypt(value.encode()).decode()
        except InvalidToken as error:
            raise KeyMissing(
                f"{self.model._meta.label}.{self.name} was encrypted with a key that is not among the "
                f"{len(settings.SLIPWAY_SECRET_KEYS)} keys of SLIPWAY_SECRET_KEYS.",
                hint="Put the old key back, after the new one; "
                f"`{command_line('rotate_keys')}` then moves everything over.",
            ) from error

    def get_lookup(self, lookup_name: str) -> Any:
        """Only "is it empty" can be asked of something encrypted."""
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None
