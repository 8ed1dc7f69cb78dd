"""Whole numbers that a browser sends: few digits, or none at all."""

from __future__ import annotations

MOST_DIGITS = 15
"""Python refuses to read thousands of digits, and a database numbers beyond 64 bits."""


def whole_number(text: str, digits: int = MOST_DIGITS) -> int | None:
    """The number, of at most so many ASCII digits; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None
