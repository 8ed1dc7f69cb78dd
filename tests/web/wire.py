"""A browser's socket and a browser's button, without a browser: just enough of WebSocket (RFC 6455) and HTTP."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
# Seconds. The run may start only when a worker has started.
PATIENCE = 90


class Gone(Exception):
    """The other side has closed the connection, or never accepted it."""


class WebSocket:
    """One connection to ws://localhost:PORT/PATH as the holder of a session, from a page of `origin` (our own)."""

    def __init__(self, port: int, path: str, session: str, origin: str = "") -> None:
        self._link = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._rest = b""
        key = base64.b64encode(os.urandom(16)).decode()
        head = (
            f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Origin: {origin or f'http://localhost:{port}'}\r\nSec-WebSocket-Key: {key}\r\n"
            f"Sec-WebSocket-Version: 13\r\n" + (f"Cookie: sessionid={session}\r\n" if session else "") + "\r\n"
        )
        try:
            self._link.sendall(head.encode())
            while b"\r\n\r\n" not in self._rest:
                self._more()
            answer, _, self._rest = self._rest.partition(b"\r\n\r\n")
            if b" 101 " not in answer.split(b"\r\n")[0]:
                raise Gone(answer.decode("latin-1"))
        except BaseException:
            self._link.close()
            raise

    def send(self, **message: Any) -> None:
        """Send a JSON object."""
        self._frame(TEXT, json.dumps(message).encode())

    def receive(self) -> dict[str, Any]:
        """The next JSON object. Raises Gone, and TimeoutError when it does not come."""
        while True:
            kind, data = self._read()
            if kind == TEXT:
                found: dict[str, Any] = json.loads(data)
                return found
            if kind == PING:
                self._frame(PONG, data)
            if kind == CLOSE:
                raise Gone(str(struct.unpack("!H", data[:2])[0] if data else 1005))

    def close(self) -> None:
        """Cut the connection."""
        self._link.close()

    def _frame(self, kind: int, data: bytes) -> None:
        mask = os.urandom(4)
        size = len(data)
        head = bytes([0x80 | kind])
        head += bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + struct.pack("!H", size)
        try:
            self._link.sendall(head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(data)))
        except OSError as error:
            raise Gone(str(error)) from error

    def _read(self) -> tuple[int, bytes]:
        first, size = self._take(2)
        size &= 0x7F
        if size == 126:
            size = struct.unpack("!H", self._take(2))[0]
        elif size == 127:
            size = struct.unpack("!Q", self._take(8))[0]
        return first & 0x0F, self._take(size)

    def _take(self, count: int) -> bytes:
        while len(self._rest) < count:
            self._more()
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def _more(self) -> None:
        try:
            data = self._link.recv(65536)
        except TimeoutError:
            raise
        except OSError as error:
            raise Gone(str(error)) from error
        if not data:
            raise Gone("closed")
        self._rest += data


@dataclass
class Watcher:
    """Follows a run as socket.js does: continues from its last number, whatever happens to the connection.

    `after_frame` is called with the count of frames since it connected; when it returns true, the connection is cut.
    """

    port: int
    run: int
    session: str
    after_frame: Callable[[int], bool] = lambda count: False
    pause: Callable[[], object] = lambda: None
    last: int = 0
    lines: list[str] = field(default_factory=list)
    connections: int = 0
    state: str = ""

    def follow(self) -> None:
        """Until the end of the run."""
        while not self.state:
            with suppress(Gone, OSError):
                self._once()
            self.pause()

    def _once(self) -> None:
        link = WebSocket(self.port, f"/ws/runs/{self.run}/", self.session)
        self.connections += 1
        try:
            link.send(after=self.last)
            count = 0
            while not self.state:
                frame = link.receive()
                if frame["type"] == "end":
                    self.state = frame["state"]
                    return
                self._take(frame["events"])
                count += 1
                if self.after_frame(count):
                    return
                link.send(got=self.last)
        finally:
            link.close()

    def _take(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            if event["seq"] <= self.last:
                continue
            assert event["seq"] == self.last + 1, f"a gap after {self.last}"
            self.last = event["seq"]
            if event["kind"] == "output":
                self.lines += [line[2] for line in event["data"]["lines"]]


def press(port: int, path: str, session: str) -> int:
    """Press a button of a page as a browser does; returns the status of the response."""
    token = "x" * 32
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    headers = {
        "Host": f"localhost:{port}",
        "Origin": f"http://localhost:{port}",
        "Cookie": f"sessionid={session}; csrftoken={token}",
        "X-CSRFToken": token,
        "Content-Length": "0",
    }
    try:
        link.request("POST", path, headers=headers)
        return link.getresponse().status
    finally:
        link.close()


def fetch(port: int, path: str, session: str) -> str:
    """A page as a browser gets it."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        link.request("GET", path, headers={"Host": f"localhost:{port}", "Cookie": f"sessionid={session}"})
        return link.getresponse().read().decode()
    finally:
        link.close()
