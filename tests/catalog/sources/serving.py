"""A web server on loopback with upstream's files, which fails in the ways that a test sets."""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator


class Site:
    """Files by path, the received requests, and faults: path -> what the next answers do instead, in order."""

    def __init__(self) -> None:
        self.url = ""
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        self.faults: dict[str, list[Callable[[Answer], None]]] = defaultdict(list)
        self.closing = threading.Event()
        self._lock = threading.Lock()

    def put(self, path: str, content: bytes, *, sums: str = "", form: str = "{digest}  {name}\n") -> None:
        """A file, and beside it its checksum file `sums` in that form."""
        self.files[path] = content
        folder, _, name = path.rpartition("/")
        if sums:
            digest = hashlib.sha256(content).hexdigest()
            self.files[f"{folder}/{sums}"] = form.format(digest=digest, name=name).encode()

    def times(self, path: str) -> int:
        """How often a path was requested."""
        return [asked for asked, _ in self.asked].count(path)

    def fault(self, path: str) -> Callable[[Answer], None] | None:
        """What to do instead of answering."""
        with self._lock:
            return self.faults[path].pop(0) if self.faults[path] else None


class Answer(BaseHTTPRequestHandler):
    """One request. As a proxy it gets whole addresses; it ignores the host in them."""

    site: Site

    def log_message(self, format: str, *args: object) -> None:
        """No log."""

    def do_CONNECT(self) -> None:
        """No tunnels."""
        self.send_error(403, "Not through here")

    def do_HEAD(self) -> None:
        """The head of the file."""
        path = urlsplit(self.path).path
        self.site.asked.append((path, "HEAD"))
        if fault := self.site.fault(path):
            fault(self)
        elif (content := self.site.files.get(path)) is None:
            self.send_error(404)
        else:
            self.begin(content)

    def do_GET(self) -> None:
        """The file, or the requested part of it."""
        path = urlsplit(self.path).path
        wanted = self.headers.get("Range", "")
        self.site.asked.append((path, wanted))
        if fault := self.site.fault(path):
            fault(self)
            return
        content = self.site.files.get(path)
        if content is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if start >= len(content) and start:
            self.send_error(416)
            return
        self.begin(content, start)
        self.wfile.write(content[start:])

    def begin(self, content: bytes, start: int = 0) -> None:
        """The head of an answer."""
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()


def breaks_after(content: bytes, sent: int) -> Callable[[Answer], None]:
    """The connection is dropped after so many bytes."""

    def act(answer: Answer) -> None:
        answer.begin(content)
        answer.wfile.write(content[:sent])
        answer.close_connection = True

    return act


def stalls_after(content: bytes, sent: int) -> Callable[[Answer], None]:
    """After so many bytes the server sends nothing more, until it is closed."""

    def act(answer: Answer) -> None:
        answer.begin(content)
        answer.wfile.write(content[:sent])
        answer.wfile.flush()
        answer.site.closing.wait(30)

    return act


def waits_for(event: threading.Event) -> Callable[[Answer], None]:
    """The right answer, but only after the event."""

    def act(answer: Answer) -> None:
        content = answer.site.files[urlsplit(answer.path).path]
        event.wait(30)
        answer.begin(content)
        answer.wfile.write(content)

    return act


def responds(code: int, location: str = "") -> Callable[[Answer], None]:
    """Another status."""

    def act(answer: Answer) -> None:
        answer.send_response(code)
        answer.send_header("Content-Length", "0")
        if location:
            answer.send_header("Location", location)
        answer.end_headers()

    return act


@contextmanager
def serving(site: Site, context: ssl.SSLContext | None = None) -> Iterator[Site]:
    """The site, as long as the block runs; over TLS if there is a context."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Answer,), {"site": site}))
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]  # errors of clients are silent
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    site.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        site.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
