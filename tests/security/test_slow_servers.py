"""A server that sends single bytes, or without end, does not block its client."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from clusters.catalog.sources import web
from clusters.catalog.sources.download import fetch_text, look_at
from clusters.errors import SourceError
from clusters.remote.connection.networks import Networks
from clusters.remote.http.pace import LEAST_BYTES, MOST_BEFORE_BODY
from clusters.remote.http.posting import post
from tests.catalog.sources.serving import Site, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS = 0.5
GAP = SECONDS / 5
HEADERS = b"HTTP/1.1 200 OK\r\nX: " + b"0" * 40 + b"\r\nContent-Length: 60\r\nConnection: close\r\n\r\n"
BODY = b"b" * 60
LOOPBACK = Networks.of(("127.0.0.1",))


class Dribbler:
    """A server of one connection at a time: what it sends at once, and then in pieces with a pause before each."""

    def __init__(self, at_once: bytes, pieces: list[bytes], pause: float) -> None:
        self.sent = 0
        self.pieces = pieces
        self._at_once, self._pause = at_once, pause
        self._over = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/file"

    @property
    def whole(self) -> bool:
        """Whether somebody has waited for all of it."""
        return self.sent >= len(self._at_once) + sum(map(len, self.pieces))

    @contextmanager
    def serving(self) -> Iterator[Dribbler]:
        """For as long as the block lasts."""
        thread = threading.Thread(target=self._serve)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            with suppress(OSError):
                self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
            thread.join()

    def _serve(self) -> None:
        while not self._over.is_set():
            with suppress(OSError):
                link, _ = self._listening.accept()
                with link:
                    link.settimeout(20)
                    self._answer(link)

    def _answer(self, link: socket.socket) -> None:
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += link.recv(65536)
        self.sent = 0
        for piece in (self._at_once, *self.pieces):
            link.sendall(piece)
            self.sent += len(piece)
            if self._over.wait(self._pause):
                return


def bytewise(at_once: bytes, slow: bytes) -> Dribbler:
    """All of `slow` byte by byte: that lasts for many times SECONDS."""
    return Dribbler(at_once, [slow[at : at + 1] for at in range(len(slow))], GAP)


DRIBBLING: dict[str, Callable[[], Dribbler]] = {
    "the first line": lambda: bytewise(b"HTTP/1.1 200 OK", HEADERS[15:] + BODY),
    "headers": lambda: bytewise(HEADERS[:20], HEADERS[20:] + BODY),
    "the body": lambda: bytewise(HEADERS, BODY),
    "lines before the answer": lambda: bytewise(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 C\r\n\r\n" * 4),
}


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "TIMEOUT", SECONDS)
    monkeypatch.setattr(web, "LOOK_TIMEOUT", SECONDS)


@pytest.mark.parametrize("what", DRIBBLING)
def test_a_file_that_dribbles_is_given_up_long_before_its_end(what: str) -> None:
    with DRIBBLING[what]().serving() as server:
        with pytest.raises(SourceError, match=r"almost nothing for 0\.5 seconds") as caught:
            fetch_text(server.url, attempts=1)
        assert not server.whole
        assert server.sent < sum(map(len, server.pieces)) / 2 + len(HEADERS)
        assert caught.value.retryable


def test_a_look_at_a_file_that_dribbles_is_given_up() -> None:
    with DRIBBLING["headers"]().serving() as server:
        with pytest.raises(SourceError, match="almost nothing"):
            look_at(server.url)
        assert not server.whole


@pytest.mark.parametrize("what", ["the first line", "headers"])
def test_a_webhook_that_dribbles_is_given_up_long_before_its_end(what: str) -> None:
    with DRIBBLING[what]().serving() as server:
        with pytest.raises(OSError, match=r"took longer than|timed out"):
            post(server.url, b"{}", {}, networks=LOOPBACK, seconds=SECONDS)
        assert not server.whole


def test_a_webhook_has_accepted_a_post_when_its_response_begins() -> None:
    with DRIBBLING["the body"]().serving() as server:
        post(server.url, b"{}", {}, networks=LOOPBACK, seconds=SECONDS)
        assert not server.whole


def test_what_comes_slowly_and_steadily_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole takes longer than the time that each part of it has."""
    monkeypatch.setattr(web, "TIMEOUT", 2.0)
    piece = b"x" * (2 * LEAST_BYTES)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (6 * len(piece))
    with Dribbler(head, [piece] * 6, 0.5).serving() as server:
        began = time.monotonic()
        assert fetch_text(server.url, attempts=1) == (piece * 6).decode()
        assert time.monotonic() - began > 2.0


def test_the_body_of_a_redirect_is_not_read() -> None:
    site = Site()
    site.put("/file", b"here")
    with serving(site):
        redirect = f"HTTP/1.1 302 Found\r\nLocation: {site.url}/file\r\nContent-Length: 60\r\n\r\n"
        with bytewise(redirect.encode(), BODY).serving() as server:
            assert fetch_text(server.url, attempts=1) == "here"
            assert not server.whole


def test_headers_without_end_are_not_read_without_end() -> None:
    with Dribbler(b"", [b"HTTP/1.1 100 C\r\n\r\n" * 50_000] * 99, 0).serving() as server:
        with pytest.raises(SourceError, match="arrived before the file"):
            fetch_text(server.url, attempts=1)
        # What the sockets of both sides hold comes on top.
        assert server.sent < 50 * MOST_BEFORE_BODY
