"""Sendings: which files go first. A machine that others wait for gets its files before those that have time."""

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LEAST_SPARE = 20.0
"""Seconds. Machines that are only a little ahead of others are not held up: the estimates are not that exact."""

LONGEST_HOLD = 15.0
"""Seconds after which a machine that was held up is never held up again, however much time it has."""


BETWEEN_FILES = 0.5
"""Seconds for which an arrived file still counts as being sent: it is checked, and the next one follows."""

LOOK_EVERY = 0.1
"""Seconds between two checks of a sending that is held up."""


class Sendings:
    """The files being sent in a run, each with its urgency: estimated seconds from its step's start to the run's end.

    All machines share the network to them, and often the processors at its ends. If the first control plane got its
    files no faster than workers do, workers would be ready long before they can join, and all would wait for it. So a
    file waits while a far more urgent one is being sent to another machine: its own machine has that time to spare.
    """

    def __init__(
        self, least_spare: float = LEAST_SPARE, longest_hold: float = LONGEST_HOLD, between: float = BETWEEN_FILES
    ) -> None:
        self._least_spare, self._longest_hold, self._between = least_spare, longest_hold, between
        self._change = threading.Condition()
        self._under_way: list[_Sending] = []
        self._held_until: dict[str, float] = {}

    @contextmanager
    def turn(self, machine: str, urgency: float, held_up: Callable[[float, str], None]) -> Iterator[None]:
        """Wait for the turn, then count as being sent until the block ends.

        `held_up` is called about ten times a second during the wait, with the seconds so far and the machine that goes
        first; it may raise to stop waiting.
        """
        began = time.monotonic()
        sending = _Sending(machine, urgency)
        while (first := self._begin_unless_held(sending)) is not None:
            held_up(time.monotonic() - began, first)
        try:
            yield
        finally:
            with self._change:
                sending.until = time.monotonic() + self._between
                self._change.notify_all()

    def _begin_unless_held(self, sending: _Sending) -> str | None:
        """Count as being sent from now on; or wait a moment and return the machine that goes first."""
        with self._change:
            now = time.monotonic()
            self._under_way = [each for each in self._under_way if each.until > now]
            others = (each for each in self._under_way if each.machine != sending.machine)
            first = max(others, key=lambda each: each.urgency, default=sending)
            spare = first.urgency - sending.urgency
            if spare >= self._least_spare:
                until = self._held_until.setdefault(sending.machine, now + min(spare, self._longest_hold))
                if now < until:
                    self._change.wait(LOOK_EVERY)
                    return first.machine
            self._under_way.append(sending)
            return None


@dataclass(slots=True, eq=False)
class _Sending:
    """One file; it counts as being sent `until` that time of the monotonic clock."""

    machine: str
    urgency: float
    until: float = math.inf
