"""Sendings: whose files go first. A machine that everybody waits for gets its files before those that can spare it."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LEAST_SPARE = 20.0
"""Seconds. Machines that are a little ahead of others are not held up: the estimates are not that good."""

LONGEST_HOLD = 15.0
"""Seconds after which a machine that was held up goes on for good, whatever it could spare."""


class Sendings:
    """The files that are on their way in a run, each with its urgency: estimated seconds from its step's begin to the end.

    All machines share the way to them, and often the processors at its ends. If the first control plane got its files
    no faster than workers do, workers would be ready long before they can join, and everybody would wait for it. So a
    file waits while a far more urgent one for another machine is on its way: the time that costs, its machine can spare.
    """

    def __init__(self, least_spare: float = LEAST_SPARE, longest_hold: float = LONGEST_HOLD) -> None:
        self._least_spare, self._longest_hold = least_spare, longest_hold
        self._change = threading.Condition()
        self._under_way: list[tuple[float, str]] = []
        self._held_until: dict[str, float] = {}

    @contextmanager
    def turn(self, machine: str, urgency: float, held_up: Callable[[float, str], None]) -> Iterator[None]:
        """Wait for the turn, then count as under way for as long as the block lasts.

        `held_up` is called about ten times a second while it waits, with the seconds so far and the machine that goes
        first; it may raise to stop waiting.
        """
        began = time.monotonic()
        while (first := self._begin_unless_held(machine, urgency)) is not None:
            held_up(time.monotonic() - began, first)
        try:
            yield
        finally:
            with self._change:
                self._under_way.remove((urgency, machine))
                self._change.notify_all()

    def _begin_unless_held(self, machine: str, urgency: float) -> str | None:
        """Count as under way from now on; or wait a moment and say who goes first."""
        with self._change:
            most, first = max((each for each in self._under_way if each[1] != machine), default=(urgency, machine))
            spare = most - urgency
            if spare >= self._least_spare:
                until = self._held_until.setdefault(machine, time.monotonic() + min(spare, self._longest_hold))
                if time.monotonic() < until:
                    self._change.wait(0.1)
                    return first
            self._under_way.append((urgency, machine))
            return None
