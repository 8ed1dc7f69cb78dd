"""Parses numbers and timestamps in untrusted text (browsers, documents, machines, servers) within limits.

`int()` fails for thousands of digits and accepts other scripts' digits and underscores; `tests/test_numbers.py` allows
it and similar functions only where they do not read such text.
"""

from __future__ import annotations

import math
import re
from datetime import datetime

MOST_DIGITS = 15
"""Python refuses thousands of digits, and a database refuses numbers beyond 64 bits."""
_HEXADECIMAL, _OCTAL = frozenset("0123456789abcdefABCDEF"), frozenset("01234567")
_DECIMAL = re.compile(r"[0-9]{1,15}(?:\.[0-9]{0,15})?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_RELEASE = re.compile(r"v?([0-9]{1,9})\.([0-9]{1,9})")
_LONGEST_MOMENT = 40


def whole_number(text: str, digits: int = MOST_DIGITS) -> int | None:
    """The number, if the text has at most `digits` ASCII digits; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None


def signed_number(text: str) -> int | None:
    """A whole number with an optional minus; None for anything else."""
    found = whole_number(text.removeprefix("-"))
    return -found if found is not None and text.startswith("-") else found


def hexadecimal(text: str, digits: int = 8) -> int | None:
    """The number, if the text has at most `digits` hexadecimal digits; None for anything else."""
    return int(text, 16) if 0 < len(text) <= digits and _HEXADECIMAL.issuperset(text) else None


def octal(text: str, digits: int = 6) -> int | None:
    """The number, if the text has at most `digits` octal digits, like a file mode; None for anything else."""
    return int(text, 8) if 0 < len(text) <= digits and _OCTAL.issuperset(text) else None


def decimal_number(text: str) -> float | None:
    """A non-negative number with an optional fraction; None for anything else, including infinity."""
    found = float(text) if _DECIMAL.fullmatch(text) else math.inf
    return found if math.isfinite(found) else None


def release_of(text: str) -> tuple[int, int] | None:
    """The first two numbers of a release name (`6.1.0-rc.1`, `v3.5.24`); None when it has none."""
    match = _RELEASE.match(text)
    return (int(match[1]), int(match[2])) if match else None


def moment(text: str) -> datetime | None:
    """A timestamp in ISO 8601 format, also with `Z` for UTC; None for anything else."""
    try:
        return datetime.fromisoformat(text) if len(text) <= _LONGEST_MOMENT else None
    except ValueError:
        return None


def next_page(count: int, size: int, *, most: int, most_bytes: int) -> int:
    """The number of rows to read next, after `count` rows of `size` bytes: about `most_bytes`, at most `most` rows."""
    return max(1, min(most, 2 * count, count * most_bytes // max(size, 1)))
