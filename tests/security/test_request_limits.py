"""An unauthenticated client's data costs the web process neither memory nor time."""

from __future__ import annotations

import http.client
import re
import socket
import threading
import time
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

import pytest
from django.conf import settings

from clusters.models import Cluster
from installer_site import limits
from tests import proc
from tests.web.site import session_of, site
from tests.web.wire import Gone, WebSocket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from django.contrib.auth.models import User

    from clusters.models import Run
    from tests.web.site import Site

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes, pytest.mark.timeout(300)]

MB = 1024 * 1024
GIANT = 300 * MB
MOST_MEMORY = 300 * MB
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=limit"
A_PART = b'--limit\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
# What a client gets to see whose connection is closed while it sends.
Cut = (BrokenPipeError, ConnectionResetError, ConnectionAbortedError)


@pytest.fixture(scope="module")
def pages(django_db_setup: None) -> Iterator[Site]:
    """A web process as it is without any settings, for all tests that need no other."""
    with site() as started:
        yield started


def head(path: str, *lines: str, session: str = "", method: str = "POST") -> bytes:
    """The first lines of a request, and the empty one after them."""
    cookie = [f"Cookie: sessionid={session}; csrftoken={'x' * 32}", f"X-CSRFToken: {'x' * 32}"] if session else []
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, *cookie, "", ""]).encode()


def pieces(size: int, chunked: bool, kind: str) -> Iterator[bytes]:
    """A body in pieces of a megabyte: one part of a form, or one field of it."""
    piece = b"x" * MB
    first = A_PART if kind == PARTS else b"a="
    for body in [first, *[piece] * (size // MB)]:
        yield b"%x\r\n%s\r\n" % (len(body), body) if chunked else body


def answer_to(port: int, *sent: bytes, more: Iterable[bytes] = ()) -> bytes:
    """The server's response; it may send it and close the connection while the client still sends."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as link:
        with suppress(*Cut):
            for piece in chain(sent, more):
                link.sendall(piece)
        return answer_on(link)


def answer_on(link: socket.socket) -> bytes:
    """The next answer of a connection, or what there was of it when the connection ended."""
    said = b""
    with suppress(*Cut):
        while data := link.recv(65536):
            said += data
            start, _, body = said.partition(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", start)
            if length and len(body) >= int(length[1]):
                break
    return said


def peak_memory(pages: Site) -> int:
    """The most bytes that the web process has ever had in memory."""
    assert pages.process is not None
    found = re.search(rb"VmHWM:\s+(\d+) kB", proc.read(pages.process.pid, "status"))
    assert found is not None
    return int(found[1]) * 1024


def health_seconds(pages: Site) -> float:
    """How long /healthz takes."""
    began = time.monotonic()
    link = http.client.HTTPConnection("127.0.0.1", pages.port, timeout=60)
    link.request("GET", "/healthz", headers={"Host": "localhost"})
    assert link.getresponse().status == 200
    link.close()
    return time.monotonic() - began


class Pulse:
    """The longest answer of /healthz while something goes on."""

    def __init__(self, pages: Site) -> None:
        self._pages = pages
        self.longest = 0.0
        self.count = 0

    @contextmanager
    def occupied(self) -> Iterator[None]:
        """Ask again and again for as long as the block lasts."""
        over = threading.Event()

        def ask() -> None:
            while not over.is_set():
                self.longest = max(self.longest, health_seconds(self._pages))
                self.count += 1
                over.wait(0.02)

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize("logged_in", [False, True])
def test_giant_bodies_cost_neither_memory_nor_time(
    alice: User, logged_in: bool, record_property: Callable[[str, object], None]
) -> None:
    session = session_of(alice) if logged_in else ""
    with site() as pages:
        quiet = Pulse(pages)
        with quiet.occupied():
            time.sleep(2)
        before = peak_memory(pages)
        busy = Pulse(pages)
        with busy.occupied():
            for kind in (PARTS, FORM, "application/octet-stream"):
                for chunked in (False, True):
                    how = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {GIANT + 10 * MB}"
                    start = head("/healthz", f"Content-Type: {kind}", how, session=session)
                    said = answer_to(pages.port, start, more=pieces(GIANT, chunked, kind))
                    assert said.startswith(b"HTTP/1.1 413 "), (kind, chunked, said[:200])
                    assert b"Connection: close" in said
        after = peak_memory(pages)
        with quiet.occupied():
            time.sleep(2)
        record_property(
            "figure",
            f"six bodies of 300 MB: {before // MB} MB of memory before and {after // MB} MB after; "
            f"/healthz at most {busy.longest:.2f} s meanwhile and {quiet.longest:.2f} s otherwise",
        )
        assert after < MOST_MEMORY
        assert busy.longest < max(1.0, 8 * quiet.longest)


def test_without_a_login_bodies_are_small_and_a_forged_cookie_is_refused(pages: Site) -> None:
    size = f"Content-Length: {2 * MB}"
    for session in ("", "a" * 32):
        for how in (size, "Transfer-Encoding: chunked"):
            start = head("/clusters/import/", f"Content-Type: {PARTS}", how, session=session)
            said = answer_to(pages.port, start, more=pieces(2 * MB, how != size, PARTS))
            assert said.startswith(b"HTTP/1.1 413 "), said
            assert limits.NOT_LOGGED_IN.encode() in said
    # What the page of the login sends is far below.
    form = b"username=alice&password=wrong&csrfmiddlewaretoken=" + b"x" * 32
    start = head(
        "/accounts/login/", f"Content-Type: {FORM}", f"Content-Length: {len(form)}", "Connection: close",
        f"Cookie: csrftoken={'x' * 32}",
    )  # fmt: skip
    assert answer_to(pages.port, start, form).startswith(b"HTTP/1.1 200 ")


def post(pages: Site, session: str, kind: str, body: bytes | Iterator[bytes]) -> tuple[int, str]:
    """Press the button on the page of the import; an iterator is sent in chunks."""
    link = http.client.HTTPConnection("127.0.0.1", pages.port, timeout=60)
    headers = {"Host": "localhost", "Content-Type": kind, "X-CSRFToken": "x" * 32,
               "Cookie": f"sessionid={session}; csrftoken={'x' * 32}"}  # fmt: skip
    try:
        link.request("POST", "/clusters/import/", body, headers)
        answer = link.getresponse()
        return answer.status, answer.read().decode()
    finally:
        link.close()


def a_file(content: bytes) -> bytes:
    """A form with a file."""
    return (
        b'--limit\r\nContent-Disposition: form-data; name="file"; filename="config-sample.yaml"\r\n'
        b"Content-Type: application/yaml\r\n\r\n" + content + b"\r\n--limit--\r\n"
    )


def test_what_people_upload_arrives_as_before(pages: Site, alice: User, seed: str) -> None:
    """Documents with everything that they carry; a file that is too large for a page gets the page's own answer."""
    document = seed.encode() + b"# comment\n" * 90_000
    assert 64 * 1024 < len(document) < 1_000_000
    pasted = b"text=" + quote_plus(document).encode()
    session = session_of(alice)
    assert post(pages, session, PARTS, a_file(document))[0] == 302
    assert post(pages, session, FORM, pasted)[0] == 302
    chunks = (pasted[at : at + 65536] for at in range(0, len(pasted), 65536))
    assert post(pages, session, FORM, chunks)[0] == 302
    assert [cluster.document for cluster in Cluster.objects.all()] == [document.decode()] * 3
    status, page = post(pages, session, PARTS, a_file(b"#" * 11 * MB))
    assert (status, "larger than 1,000,000 bytes" in page) == (422, True)
    status, page = post(pages, session, PARTS, a_file(b"#" * 13 * MB))
    assert (status, "larger than 12 MB" in page) == (413, True)


def test_a_refused_connection_is_closed_and_takes_no_further_request(pages: Site) -> None:
    with socket.create_connection(("127.0.0.1", pages.port), timeout=60) as link:
        link.sendall(head("/healthz", f"Content-Length: {GIANT}"))
        said = answer_on(link)
        assert said.startswith(b"HTTP/1.1 413 ")
        assert said.endswith(b"The request is larger than 12 MB, Slipway's limit (SLIPWAY_MAX_BODY_MB). "
                             b"Send less.\n")  # fmt: skip
        link.sendall(head("/healthz", method="GET"))
        assert answer_on(link) == b""


def test_djangos_own_limit_is_that_of_the_web_server() -> None:
    assert settings.SLIPWAY_MAX_BODY == settings.DATA_UPLOAD_MAX_MEMORY_SIZE == 12 * MB


def test_headers_and_bodies_that_come_byte_by_byte_meet_a_deadline(alice: User) -> None:
    with site(SLIPWAY_HEADER_SECONDS="2", SLIPWAY_BODY_SECONDS="2") as pages:
        whole = head("/healthz", "Content-Length: 1000", "Connection: close")
        for start, rest in ((b"", whole), (whole, b"x" * 1000)):
            with socket.create_connection(("127.0.0.1", pages.port), timeout=60) as link:
                link.sendall(start)
                began = time.monotonic()
                with suppress(*Cut):
                    for byte in rest:
                        link.sendall(bytes([byte]))
                        time.sleep(0.1)
                        if time.monotonic() - began > 20:
                            break
                said = answer_on(link)
                assert said.startswith(b"HTTP/1.1 408 "), said
                assert time.monotonic() - began < 20
        with socket.create_connection(("127.0.0.1", pages.port), timeout=60) as silent:
            began = time.monotonic()
            assert answer_on(silent) == b""
            assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000,
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 101 + b"\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nA: b\r\n" + b" more\r\n" * 4_000,
        head("/healthz", "Transfer-Encoding: chunked") + b"0\r\n" + b"Trailer: x\r\n" * 8_000,
        head("/healthz", "Transfer-Encoding: chunked") + (b"1;" + b"e" * 1_000 + b"\r\nx\r\n") * 100,
    ],
    ids=["a long header", "many headers", "one header on many lines", "trailers", "extensions of chunks"],
)
def test_headers_trailers_and_extensions_are_bounded(pages: Site, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", pages.port), timeout=20) as link:
        with suppress(*Cut):
            link.sendall(sent)
        said = answer_on(link)
    assert not said.startswith(b"HTTP/1.1 200 "), said


def test_connections_without_a_request_make_room_for_others() -> None:
    most, many = 20, 60
    with site(SLIPWAY_MAX_CONNECTIONS=str(most)) as pages:
        idle = []
        try:
            for count in range(many):
                idle.append(socket.create_connection(("127.0.0.1", pages.port), timeout=20))
                if count % 2:
                    idle[-1].sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
            assert health_seconds(pages) < 20
            assert open_sockets(pages) <= most + 10
        finally:
            for link in idle:
                link.close()


def open_sockets(pages: Site) -> int:
    """How many sockets the web process has, among them that on which it listens."""
    assert pages.process is not None
    found = 0
    for place in Path(f"/proc/{pages.process.pid}/fd").iterdir():
        with suppress(OSError):
            found += str(place.readlink()).startswith("socket:")
    return found


def test_live_sockets_do_not_count_and_stay(make_run: Callable[..., Run], alice: User) -> None:
    run = make_run(state="running", worker="me")
    session = session_of(alice)
    with site(SLIPWAY_MAX_CONNECTIONS="5") as pages:
        links = [WebSocket(pages.port, f"/ws/runs/{run.pk}/", session) for _ in range(12)]
        for _ in range(10):
            health_seconds(pages)
        type(run).objects.filter(pk=run.pk).update(state="succeeded")
        for link in links:
            link.send(after=0)
            assert link.receive()["type"] == "end"
            link.close()


def test_frames_of_a_live_socket_are_bounded_and_none_comes_before_it_is_accepted(
    pages: Site, make_run: Callable[..., Run], alice: User
) -> None:
    run = make_run(state="running", worker="me")
    session = session_of(alice)
    link = WebSocket(pages.port, f"/ws/runs/{run.pk}/", session)
    link.send(after="x" * limits.FRAME_BYTES)
    with pytest.raises(Gone) as gone:
        link.receive()
    link.close()
    assert str(gone.value) not in ("4400", "1011"), "the application got to see it"
    start = head(
        f"/ws/runs/{run.pk}/", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", f"Origin: http://localhost:{pages.port}", method="GET",
    )  # fmt: skip
    before = peak_memory(pages)
    with socket.create_connection(("127.0.0.1", pages.port), timeout=20) as eager, suppress(*Cut):
        eager.sendall(start)
        for _ in range(200):
            eager.sendall(b"x" * MB)
    assert peak_memory(pages) - before < 20 * MB
    assert health_seconds(pages) < 20
