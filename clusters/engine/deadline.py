"""Deadline: when a step on a machine must be done; people can extend it while the step runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from clusters.errors import InstallerError

Granted = Callable[[str, str], float]
"""Seconds that people granted a step (its path) on a machine (its name) beyond its timeout, so far."""


class OutOfTime(InstallerError):
    """A step has used up its timeout and all time granted beyond it."""

    retryable = True


def nothing_granted(step: str, machine: str) -> float:
    """Nobody granted more time."""
    return 0.0


@dataclass(frozen=True, slots=True)
class Deadline:
    """`until` is on the monotonic clock, without the time returned by `granted`, which is called each time.

    `seconds` is the step's own timeout.
    """

    until: float
    seconds: float
    granted: Callable[[], float]

    @property
    def left(self) -> float:
        """Remaining seconds; 0 when the time is up."""
        return max(0.0, self.until + self.granted() - time.monotonic())

    def check(self, step: str, machine: str) -> None:
        """Raises OutOfTime when the time is up."""
        if self.left > 0:
            return
        raise OutOfTime(
            f"{step} on {machine} was not done within {self.seconds + self.granted():.0f} s.",
            hint="If the machine is just slow: retry, and give the step more time on the run's page while it runs.",
        )


def deadline_in(seconds: float, granted: Callable[[], float]) -> Deadline:
    """A deadline so many seconds from now."""
    return Deadline(time.monotonic() + seconds, seconds, granted)
