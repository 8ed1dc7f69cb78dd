"""Whole numbers that a browser sends: few digits, or none at all."""

from __future__ import annotations

MOST_DIGITS = 15
"""Python refuses to read thousands of digits, and a database numbers beyond 64 bits."""


def whole_number(text: str, digits: int = MOST_DIGITS) -> int | None:
    """The number, of at most so many ASCII digits; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None


def next_page(count: int, size: int, *, most: int, most_bytes: int) -> int:
    """How many rows to read next, after `count` rows of `size` bytes: some `most_bytes` of them, at most `most`."""
    return max(1, min(most, 2 * count, count * most_bytes // max(size, 1)))
