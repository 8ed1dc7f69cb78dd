"""Stored documents: the one place that converts the database's YAML to a Document and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.dialects.markdown import source_of
from clusters.config.dialects.render import render
from clusters.config.document_masks.comments import secrets_in_comments
from clusters.config.document_masks.texts import secrets_beside
from clusters.config.load import load
from clusters.config.secrets.finder import secrets_in
from clusters.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.config.secret import Secret


class UnreadableDocument(ConfigError):
    """A stored document that cannot be read, or can no longer be read."""


def read_document(text: str) -> Document:
    """The document in stored text. Raises UnreadableDocument with the first error in it."""
    loaded = load(text)
    if loaded.document is None:
        found = next((finding for finding in loaded.findings if finding.blocking), None)
        raise UnreadableDocument(
            f"The stored document cannot be read: {found.message if found else 'it is empty'}",
            hint=found.hint if found else "Open the draft and save it again.",
        )
    return loaded.document


def write_document(document: Document) -> str:
    """The text to store: complete, with secrets; the field encrypts it."""
    return render(document, secrets="show")


def secrets_of(text: str) -> Iterator[Secret]:
    """Every secret in stored text: in values, comments, and ignored parts. Raises as `read_document`."""
    yield from secrets_in(read_document(text))
    yield from secrets_beside(source_of(text))
    yield from commented_secrets(text)


def commented_secrets(text: str) -> Iterator[Secret]:
    """Every secret in the comments of stored text."""
    yield from secrets_in_comments(source_of(text))
