"""The watch of a connection cuts it when the peer is gone, but not because this process was paused."""

from __future__ import annotations

import threading
import time

import pytest

from clusters.remote.connection.wire import Watch


class Peer:
    """A wire that was silent for an hour, and its transport; it answers a question if it `lives`."""

    def __init__(self, *, lives: bool) -> None:
        self.heard_at = time.monotonic() - 3600
        self.asked, self.closed = threading.Event(), threading.Event()
        self._lives = lives

    def is_active(self) -> bool:
        return not self.closed.is_set()

    def close(self) -> None:
        self.closed.set()

    def global_request(self, kind: str, wait: bool) -> None:
        if self._lives:
            self.heard_at = time.monotonic() + 3600
        self.asked.set()


def watched(peer: Peer) -> Watch:
    return Watch(peer, peer, ask_after=0.5, give_up_after=1.5)  # type: ignore[arg-type]  # both sides of a connection in one


def test_a_paused_process_asks_before_it_cuts() -> None:
    peer = Peer(lives=True)
    watch = watched(peer)

    assert peer.asked.wait(60)
    assert not peer.closed.wait(2)
    watch.stop()
    assert not watch.gave_up


def test_a_peer_that_does_not_answer_is_given_up() -> None:
    peer = Peer(lives=False)
    watch = watched(peer)

    assert peer.closed.wait(60)
    assert peer.asked.is_set() and watch.gave_up


@pytest.mark.parametrize("late", [1, 3])
def test_an_answer_read_a_few_checks_later_counts(late: int, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Peer(lives=False)
    looks = iter(range(late))
    monkeypatch.setattr(Watch, "silence", property(lambda watch: 3600.0 if next(looks, None) is not None else 0.0))
    watch = watched(peer)

    assert peer.asked.wait(60)
    assert not peer.closed.wait(2)
    watch.stop()
