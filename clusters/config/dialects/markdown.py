"""A document inside a Markdown page: where its code block begins and ends."""

from __future__ import annotations

import re

_FENCE = re.compile(r"[ \t]*(```|~~~)")
_KEY = re.compile(r"[ \t]*(apiVersion|kind|spec):")


def without_fence(text: str) -> str:
    """The inside of a Markdown page's code block; the rest is blanked, so that lines keep their number.

    Of several blocks it is the first that looks like a document. A text that begins with keys of a document
    is one itself, whatever stands further down in it.
    """
    lines = text.split("\n")
    found = _block(lines)
    if found is None:
        return text
    return "\n".join(line if found[0] < number < found[1] else "" for number, line in enumerate(lines)) + "\n"


BYTE_ORDER_MARK = "\ufeff"


def source_of(text: str) -> str:
    """The YAML itself: without a byte order mark, and of a Markdown page only the code block."""
    text = text.removeprefix(BYTE_ORDER_MARK)
    lines = text.split("\n")
    found = _block(lines)
    return text if found is None else "\n".join(lines[found[0] + 1 : found[1]]) + "\n"


def _block(lines: list[str]) -> tuple[int, int] | None:
    """The numbers of the lines with the fences around the block that is meant."""
    first: tuple[int, int] | None = None
    opened, fence, speaks = -1, "", False
    for number, line in enumerate(lines):
        match = _FENCE.match(line)
        if opened < 0 and match:
            opened, fence, speaks = number, match[1], False
        elif opened < 0 and _KEY.match(line):
            return first
        elif opened >= 0 and match and line.strip() == fence:
            first = first or (opened, number)
            if speaks:
                return opened, number
            opened = -1
        elif opened >= 0:
            speaks = speaks or _KEY.match(line) is not None
    if opened >= 0 and (speaks or first is None):
        return opened, len(lines)
    return first
