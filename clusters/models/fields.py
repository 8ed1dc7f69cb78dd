"""EncryptedTextField: text that lies in the database only as Fernet tokens."""

from __future__ import annotations
