"""How long a deed takes beside another one: on a busy machine both are slow, and seconds alone say nothing."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 5
FLOOR = 0.02
"""Seconds that the other deed takes at least: what is over at once is no measure."""


def took(deed: Callable[[], object]) -> float:
    """Seconds that it takes now."""
    began = time.monotonic()
    deed()
    return time.monotonic() - began


def times_as_long(deed: Callable[[], object], other: Callable[[], object], rounds: int = ROUNDS) -> float:
    """How many times as long as the other deed it takes: in the middle of rounds that do one right after the other."""
    return median(took(deed) / max(took(other), FLOOR) for _ in range(rounds))
