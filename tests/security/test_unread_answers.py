"""A client that does not read gets no more responses: unread data does not accumulate in the web process."""

from __future__ import annotations

import re
import socket
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from clusters.web.live_rights import NOT_UNDERSTOOD
from tests.processes import wait_for
from tests.security.test_request_limits import MB, Cut, head, health_seconds, peak_memory
from tests.web.lines import fill
from tests.web.site import session_of, site
from tests.web.wire import PING, TEXT, Gone, WebSocket, fetch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.auth.models import User

    from clusters.models import Run
    from tests.web.site import Site

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes, pytest.mark.timeout(300)]

MANY = 20
"""Connections of one test."""
MOST_EACH = MB
"""Bytes of memory that a connection may cost while nobody reads from it, with the threads that serve it."""
GETS = 300


@pytest.fixture(scope="module")
def pages(django_db_setup: None) -> Iterator[Site]:
    """A web process as it is without any settings, for the tests that need no other."""
    with site() as started:
        yield started


@pytest.fixture
def long_run(make_run: Callable[..., Run]) -> Run:
    """A run with some 20 MB of log."""
    run = make_run(state="succeeded")
    fill(run, 40_000, "x" * 450 + " line %d", "a needle", 5)
    return run


def reader_of_nothing(port: int, path: str, session: str = "") -> socket.socket:
    """A connection that asks many times and has room for next to nothing."""
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.settimeout(60)
    link.connect(("127.0.0.1", port))
    link.settimeout(1)
    # It takes requests until the server reads no more of them.
    with suppress(TimeoutError, *Cut):
        link.sendall(head(path, method="GET", session=session) * GETS)
    return link


@contextmanager
def growing(pages: Site) -> Iterator[Callable[[], int]]:
    """How much memory the web process takes more than before; asked within the block."""
    health_seconds(pages)
    before = peak_memory(pages)
    yield lambda: peak_memory(pages) - before


def static_file(pages: Site) -> str:
    """A file that people without a login get, too."""
    page = fetch(pages.port, "/accounts/login/", "")
    found: list[str] = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    return max(found, key=lambda path: len(fetch(pages.port, path, "")))


def test_unread_responses_do_not_accumulate(pages: Site, record_property: Callable[[str, object], None]) -> None:
    path = static_file(pages)
    with ExitStack() as held, growing(pages) as grown:
        before = answered(pages, path)
        for _ in range(MANY):
            held.enter_context(reader_of_nothing(pages.port, path))
        count = settled(pages, path, before + MANY * GETS // 3) - before
        record_property("figure", f"{count} of {MANY * GETS} answers that nobody reads: {grown() // MB} MB more")
        # The sockets of both sides have room for some.
        assert answered(pages, path) - before < MANY * GETS // 3
        assert grown() < MANY * MOST_EACH
        assert health_seconds(pages) < 20


def settled(pages: Site, path: str, most: int) -> int:
    """The number of answers when there are no more for some seconds, or more than `most`."""
    count = -1
    while count < answered(pages, path) <= most:
        count = answered(pages, path)
        time.sleep(3)
    return answered(pages, path)


def answered(pages: Site, path: str) -> int:
    """The number of requests for it that the web process has answered, from its log."""
    return pages.output().count(f'"GET {path}"')


def test_a_client_that_reads_late_gets_all_answers_in_order(pages: Site) -> None:
    path = static_file(pages)
    one = fetch(pages.port, path, "").encode()
    with socket.create_connection(("127.0.0.1", pages.port), timeout=60) as link:
        link.sendall(head(path, method="GET") * 30 + head("/healthz", "Connection: close", method="GET"))
        time.sleep(2)
        came = b""
        while data := link.recv(MB):
            came += data
    assert came.count(one) == 30
    assert came.endswith(b"ok\n")


@pytest.mark.parametrize("what", ["log.txt", "events.jsonl"])
def test_a_download_waits_for_its_reader_and_arrives_whole(long_run: Run, alice: User, what: str) -> None:
    session, path = session_of(alice), f"/runs/{long_run.pk}/{what}"
    with ExitStack() as held, site() as pages, growing(pages) as grown:
        for _ in range(MANY):
            held.enter_context(reader_of_nothing(pages.port, path, session))
        time.sleep(5)
        # Parts that are made take more for a moment.
        assert grown() < MANY * 7 * MOST_EACH
        whole = fetch(pages.port, path, session)
        assert len(whole) > 10 * MB
        assert whole.count("a needle") == 1


def closed_within(link: socket.socket, seconds: float) -> bool:
    """Whether the server ends the connection, which nobody reads meanwhile: then nothing can be sent any more."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            link.send(b"\r\n", socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass
        except Cut:
            return True
        time.sleep(0.1)
    return False


def test_an_unread_response_ends_and_a_slowly_read_one_does_not() -> None:
    with site(SLIPWAY_UNREAD_SECONDS="3") as pages:
        path = static_file(pages)
        size = len(fetch(pages.port, path, ""))
        with reader_of_nothing(pages.port, path) as unread, reader_of_nothing(pages.port, path) as slow:
            came, began = 0, time.monotonic()
            while time.monotonic() - began < 12:
                came += len(slow.recv(MB))
                time.sleep(0.01)
            assert came > size, "it waited for its reader for several times as long as it waits without progress"
            assert closed_within(unread, 30)
            assert slow.recv(MB)


def test_connections_that_do_not_read_make_room_for_others() -> None:
    with site(SLIPWAY_MAX_CONNECTIONS="6") as pages, ExitStack() as held:
        path = static_file(pages)
        for _ in range(6):
            held.enter_context(reader_of_nothing(pages.port, path))
        settled(pages, path, 6 * GETS)

        def answers() -> bool:
            with suppress(OSError):
                return health_seconds(pages) < 20
            return False

        # Before the deadline of what is not read, which is a minute.
        wait_for(answers, 30, "room for another connection")


def test_a_live_socket_that_does_not_read_is_sent_nothing_more(long_run: Run, alice: User) -> None:
    """Not even when it asks from the start again and again, claims to have everything, or pings."""
    session = session_of(alice)
    with ExitStack() as held, site() as pages, growing(pages) as grown:
        for number in range(MANY):
            link = held.enter_context(closing(WebSocket(pages.port, f"/ws/runs/{long_run.pk}/", session)))
            link._link.settimeout(0.2)
            with suppress(Gone, TimeoutError):
                link.send(after=0)
                for _ in range(100):
                    if number % 2:
                        link.send(after=0)
                    link.send(got=10**9)
                    link._frame(PING, b"x" * 125)
        time.sleep(4)
        assert grown() < MANY * 2 * MOST_EACH
        assert health_seconds(pages) < 20


def test_a_live_socket_that_sends_faster_than_anybody_handles_is_closed(long_run: Run, alice: User) -> None:
    frame = bytes([0x80 | TEXT, 0x80 | 9, 0, 0, 0, 0]) + b'{"got":1}'
    with site() as pages, growing(pages) as grown:
        with closing(WebSocket(pages.port, f"/ws/runs/{long_run.pk}/", session_of(alice))) as link:
            with suppress(*Cut):
                for _ in range(1000):
                    link._link.sendall(frame * 1000)
            with pytest.raises(Gone) as gone:
                link.receive()
        assert str(gone.value) == str(NOT_UNDERSTOOD) or "reset" in str(gone.value).lower()
        assert grown() < 20 * MB
