"""Finds the code block of a document inside a Markdown page."""

from __future__ import annotations

import re

_FENCE = re.compile(r"[ \t]*(```|~~~)")
_KEY = re.compile(r"[ \t]*(apiVersion|kind|spec):")


def without_fence(text: str) -> str:
    """The contents of a Markdown page's code block; other lines are emptied, so that line numbers do not change.

    Of several blocks, the first that looks like a document is used. A text that starts with keys of a document is a
    document itself, regardless of what follows.
    """
    lines = text.split("\n")
    found = _block(lines)
    if found is None:
        return text
    return "\n".join(line if found[0] < number < found[1] else "" for number, line in enumerate(lines)) + "\n"


BYTE_ORDER_MARK = "\ufeff"


def source_of(text: str) -> str:
    """The YAML text without a byte order mark; for a Markdown page, only the code block."""
    text = text.removeprefix(BYTE_ORDER_MARK)
    lines = text.split("\n")
    found = _block(lines)
    return text if found is None else "\n".join(lines[found[0] + 1 : found[1]]) + "\n"


def _block(lines: list[str]) -> tuple[int, int] | None:
    """The line numbers of the fences around the document's block."""
    first: tuple[int, int] | None = None
    opened, fence, looks_like_document = -1, "", False
    for number, line in enumerate(lines):
        match = _FENCE.match(line)
        if opened < 0 and match:
            opened, fence, looks_like_document = number, match[1], False
        elif opened < 0 and _KEY.match(line):
            return first
        elif opened >= 0 and match and line.strip() == fence:
            first = first or (opened, number)
            if looks_like_document:
                return opened, number
            opened = -1
        elif opened >= 0:
            looks_like_document = looks_like_document or _KEY.match(line) is not None
    if opened >= 0 and (looks_like_document or first is None):
        return opened, len(lines)
    return first
