"""A clock whose time passes only in a machine's pauses, and when a test advances it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from clusters.engine.machine import Machine


class Clock:
    """Replaces the module `time` in the engine."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        """The time."""
        return self.now


def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The engine's clock from now on; pauses do not delay the test."""
    clock = Clock()

    def pause(machine: Machine, seconds: float) -> None:
        clock.now += seconds

    for module in ("deadline", "machine", "tries"):
        monkeypatch.setattr(f"clusters.engine.{module}.time", clock)
    monkeypatch.setattr("clusters.engine.machine.Machine.pause", pause)
    return clock
