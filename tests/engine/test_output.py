"""The output of a machine reaches the log under the names that its filters use."""

from __future__ import annotations

from typing import Any

from clusters.config.schema import Host
from clusters.engine.events import Output
from clusters.engine.machine import FactsOnce, Machine
from clusters.remote.host import Cancel
from clusters.remote.shell import sh
from tests.fake_host import Answer, FakeHost


class Kept:
    """A sink that stores all events."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def emit(self, event: Any) -> None:
        self.events.append(event)


def test_the_log_distinguishes_output_and_error_output() -> None:
    sink = Kept()
    host = FakeHost("a", [("", Answer(stdout="fine", stderr="odd"))])
    known = Machine(Host(name="a", address="10.0.0.1"), host, sink=sink, cancel=Cancel(), facts=FactsOnce())
    known.during("os/x", timeout=5, cancel=Cancel()).do(sh("print"))
    lines = {(event.stream, event.text) for event in sink.events if isinstance(event, Output)}
    assert {("out", "fine"), ("err", "odd")} <= lines
