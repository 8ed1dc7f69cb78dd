"""How long one action takes compared to another: on a busy machine both are slow, so seconds alone prove nothing."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 5
FLOOR = 0.02
"""Minimum seconds of the other action: a shorter one cannot be measured."""


def took(deed: Callable[[], object]) -> float:
    """Seconds that an action takes now."""
    began = time.monotonic()
    deed()
    return time.monotonic() - began


def times_as_long(deed: Callable[[], object], other: Callable[[], object], rounds: int = ROUNDS) -> float:
    """How many times as long as the other action it takes: the median of rounds that run both in turn."""
    return median(took(deed) / max(took(other), FLOOR) for _ in range(rounds))
