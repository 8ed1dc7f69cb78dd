"""Which files go first: those that others wait for; a machine is never held up for longer than it has time."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from clusters.engine.cluster import Cluster
from clusters.engine.events import Output
from clusters.engine.sendings import LONGEST_HOLD, Sendings
from clusters.errors import Cancelled
from clusters.remote.host import Cancel
from clusters.remote.shell import sh
from tests.catalog.pretend import Kept, PretendSource, seed
from tests.fake_host import FakeHost

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.engine.events import Event

INIT_FIRST, WORKER = 100.0, 60.0


def ignore(seconds: float, first: str) -> None:
    """Nobody wants to know."""


def test_a_far_less_urgent_file_waits_for_the_end_of_the_other() -> None:
    sendings, order = Sendings(), []
    waiting, go_on = threading.Event(), threading.Event()

    def control_plane() -> None:
        with sendings.turn("node1", INIT_FIRST, ignore):
            started.set()
            assert go_on.wait(60)
            order.append("node1")

    def held_up(seconds: float, first: str) -> None:
        assert first == "node1"
        waiting.set()

    def worker() -> None:
        with sendings.turn("node2", WORKER, held_up):
            order.append("node2")

    started = threading.Event()
    threads = [threading.Thread(target=control_plane), threading.Thread(target=worker)]
    threads[0].start()
    assert started.wait(60)
    threads[1].start()
    assert waiting.wait(60)
    go_on.set()
    for each in threads:
        each.join(60)

    assert order == ["node1", "node2"]


def test_a_machine_is_held_up_once_and_for_a_limited_time() -> None:
    sendings = Sendings(longest_hold=0.3)
    held: list[float] = []
    with sendings.turn("node1", INIT_FIRST, ignore):
        began = time.monotonic()
        with sendings.turn("node2", WORKER, lambda seconds, first: held.append(seconds)):
            assert 0.3 <= time.monotonic() - began < LONGEST_HOLD
        before = len(held)
        with sendings.turn("node2", WORKER, lambda seconds, first: held.append(seconds)):
            pass

    assert before > 0
    assert len(held) == before


@pytest.mark.parametrize(
    ("machine", "urgency"), [("node1", 0.0), ("node2", INIT_FIRST - 10), ("node2", INIT_FIRST + 50)]
)
def test_files_of_the_same_machine_or_nearly_as_urgent_go_at_once(machine: str, urgency: float) -> None:
    sendings = Sendings()

    def never(seconds: float, first: str) -> None:
        raise AssertionError(f"held up by {first}")

    with sendings.turn("node1", INIT_FIRST, ignore), sendings.turn(machine, urgency, never):
        pass


def test_a_machine_is_still_first_between_two_of_its_files() -> None:
    sendings = Sendings(between=60, longest_hold=0.3)
    held: list[float] = []
    with sendings.turn("node1", INIT_FIRST, ignore):
        pass
    with sendings.turn("node2", WORKER, lambda seconds, first: held.append(seconds)):
        pass
    assert held


def test_a_machine_that_stopped_sending_does_not_hold_up_others() -> None:
    sendings = Sendings(between=0.3)
    with sendings.turn("node1", INIT_FIRST, ignore):
        pass
    began = time.monotonic()
    with sendings.turn("node2", WORKER, ignore):
        assert time.monotonic() - began < LONGEST_HOLD


def test_an_interrupted_wait_leaves_no_state() -> None:
    sendings = Sendings(between=0)

    def stop(seconds: float, first: str) -> None:
        raise Cancelled("enough")

    def never(seconds: float, first: str) -> None:
        raise AssertionError(f"held up by {first}")

    with sendings.turn("node1", INIT_FIRST, ignore), pytest.raises(Cancelled):
        sendings.turn("node2", WORKER, stop).__enter__()
    with sendings.turn("node3", 0.0, never):
        pass


class CancelsAtTheNote(Kept):
    """A person cancels after reading that a machine waits."""

    def __init__(self, cancel: Cancel) -> None:
        super().__init__()
        self.cancel = cancel

    def emit(self, event: Event) -> None:
        super().emit(event)
        if isinstance(event, Output) and str(event.text).startswith("waiting"):
            self.cancel.ask("enough")


def test_a_wait_for_a_turn_is_logged_and_ends_with_a_cancel(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    cancel = Cancel()
    sink = CancelsAtTheNote(cancel)
    cluster = Cluster(
        seed(),
        open_host=lambda spec: FakeHost(spec.name),
        source=PretendSource(tmp_path),
        sink=sink,
        cancel=cancel,
    )
    first = cluster.machine("node1").during("images/load", timeout=60, cancel=cancel, urgency=INIT_FIRST)
    other = cluster.machine("node2").during("images/load", timeout=60, cancel=cancel, urgency=WORKER)
    with first._turn(tmp_path / "file"):
        other.put(b"small things go at once", "/etc/thing")
        with pytest.raises(Cancelled):
            other.do(sh("cat"), stdin=tmp_path / "file")

    said = [event.text for event in sink.events if isinstance(event, Output) and event.text.startswith("waiting")]
    assert said == ["waiting: node1 gets its files first, because others wait for it"]
