"""Parts of steps that a cancel does not interrupt: they report their start and their end, however they end."""

from __future__ import annotations

import pytest

from clusters.config.schema import Host
from clusters.engine.events import Event, Uncut
from clusters.engine.machine import FactsOnce, Machine
from clusters.errors import Cancelled, RemoteError
from clusters.remote.host import Cancel
from clusters.remote.shell import sh
from tests.fake_host import FakeHost


class Parts:
    """A sink that stores the events of uncut parts."""

    def __init__(self) -> None:
        self.parts: list[tuple[str, str, str, bool]] = []

    def emit(self, event: Event) -> None:
        """Store it."""
        if isinstance(event, Uncut):
            self.parts.append((event.host, event.step, event.what, event.over))


BEGAN, OVER = ("a", "etcd/start", "joining etcd", False), ("a", "etcd/start", "joining etcd", True)


@pytest.fixture
def sink() -> Parts:
    return Parts()


def machine(sink: Parts, cancel: Cancel) -> Machine:
    host = FakeHost("a", [("", "")])
    known = Machine(Host(name="a", address="10.0.0.1"), host, sink=sink, cancel=cancel, facts=FactsOnce())
    return known.during("etcd/start", timeout=60, cancel=cancel)


def test_an_uncut_part_reports_its_start_and_its_end_despite_a_cancel(sink: Parts) -> None:
    cancel = Cancel()
    here = machine(sink, cancel)
    with here.uncut("joining etcd") as whole:
        cancel.ask("Somebody asked.")
        assert whole.do(sh("join")).ok
        assert sink.parts == [BEGAN]
    assert sink.parts == [BEGAN, OVER]
    with pytest.raises(Cancelled):
        here.do(sh("more"))


def test_an_uncut_part_also_ends_with_a_failure(sink: Parts) -> None:
    with pytest.raises(RemoteError), machine(sink, Cancel()).uncut("joining etcd"):
        raise RemoteError("The connection to a is lost.")
    assert sink.parts == [BEGAN, OVER]


def test_no_uncut_part_starts_after_a_cancel(sink: Parts) -> None:
    cancel = Cancel()
    cancel.ask("Somebody asked.")
    with pytest.raises(Cancelled), machine(sink, cancel).uncut("joining etcd"):
        raise AssertionError("It began.")
    assert sink.parts == []
