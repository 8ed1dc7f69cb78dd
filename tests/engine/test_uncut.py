"""Parts of steps that no cancel cuts: they are told of when they begin and when they are over, however they end."""

from __future__ import annotations

import pytest

from clusters.config.schema import Host
from clusters.engine.events import Event, Uncut
from clusters.engine.machine import FactsOnce, Machine
from clusters.errors import Cancelled, RemoteError
from clusters.remote.host import Cancel
from clusters.remote.shell import sh
from tests.fake_host import FakeHost


class Told:
    """A sink that keeps what was said of parts."""

    def __init__(self) -> None:
        self.parts: list[tuple[str, str, str, bool]] = []

    def emit(self, event: Event) -> None:
        """Keep it."""
        if isinstance(event, Uncut):
            self.parts.append((event.host, event.step, event.what, event.over))


BEGAN, OVER = ("a", "etcd/start", "joining etcd", False), ("a", "etcd/start", "joining etcd", True)


@pytest.fixture
def told() -> Told:
    return Told()


def machine(told: Told, cancel: Cancel) -> Machine:
    host = FakeHost("a", [("", "")])
    known = Machine(Host(name="a", address="10.0.0.1"), host, sink=told, cancel=cancel, facts=FactsOnce())
    return known.during("etcd/start", timeout=60, cancel=cancel)


def test_an_uncut_part_reports_its_start_and_its_end_despite_a_cancel(told: Told) -> None:
    cancel = Cancel()
    here = machine(told, cancel)
    with here.uncut("joining etcd") as whole:
        cancel.ask("Somebody asked.")
        assert whole.do(sh("join")).ok
        assert told.parts == [BEGAN]
    assert told.parts == [BEGAN, OVER]
    with pytest.raises(Cancelled):
        here.do(sh("more"))


def test_an_uncut_part_also_ends_with_a_failure(told: Told) -> None:
    with pytest.raises(RemoteError), machine(told, Cancel()).uncut("joining etcd"):
        raise RemoteError("The connection to a is lost.")
    assert told.parts == [BEGAN, OVER]


def test_no_uncut_part_starts_after_a_cancel(told: Told) -> None:
    cancel = Cancel()
    cancel.ask("Somebody asked.")
    with pytest.raises(Cancelled), machine(told, cancel).uncut("joining etcd"):
        raise AssertionError("It began.")
    assert told.parts == []
