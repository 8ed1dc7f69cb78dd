"""A clock whose time passes only in a machine's pauses, and where a test says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from clusters.engine.machine import Machine


class Clock:
    """Stands in for the module `time` where the engine asks it."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        """The time."""
        return self.now


def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The engine's clock from now on; pauses take no time of the test."""
    clock = Clock()

    def pause(machine: Machine, seconds: float) -> None:
        clock.now += seconds

    for module in ("deadline", "machine", "tries"):
        monkeypatch.setattr(f"clusters.engine.{module}.time", clock)
    monkeypatch.setattr("clusters.engine.machine.Machine.pause", pause)
    return clock
