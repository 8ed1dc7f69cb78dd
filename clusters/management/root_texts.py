"""Prints texts that run as root in full in the terminal, so that the user can read and acknowledge each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.plaintext import visible_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.root_texts import RootText

KINDS = {
    "script": "a script that runs as root",
    "hosts": "lines for /etc/hosts of every machine",
    "packages": "packages that are installed as root",
    "dns": "text for the cluster's DNS",
    "arguments": "arguments or configuration for programs that run as root",
}
SHORTEST_DIGEST = 12
"""The least digits of a SHA-256 that identify a text."""


def lines_of(text: RootText) -> Iterator[str]:
    """The full text, line by line, each after a bar, so that none can be mistaken for a line of Slipway's."""
    where = f" on the machines of {text.role}" if text.role else ""
    yield f"{text.path}{f' ({text.name})' if text.name else ''} is {KINDS[text.kind]}{where}:"
    yield from _lines(text.text)
    for file in text.files:
        yield f"with the file {file.name}, {file.size} bytes, SHA-256 {file.sha256}:"
        yield from _lines(file.text or "(not text; compare its SHA-256 with that of a file you trust)")
    yield f"SHA-256 {text.digest}"


def _lines(text: str) -> Iterator[str]:
    # As visible characters: the terminal must neither obey a text nor reverse or hide a part of it.
    yield from (f"  | {line}" for line in visible_text(text).split("\n"))


def is_named(text: RootText, digests: list[str]) -> bool:
    """Whether one of these is its SHA-256, or at least its first twelve digits."""
    given = (digest.lower().removeprefix("sha256:") for digest in digests)
    return any(len(digest) >= SHORTEST_DIGEST and text.digest.startswith(digest) for digest in given)
