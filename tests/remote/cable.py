"""Cable: a TCP connection between a test and a server, which can be cut without a signal to either side."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


class Cable:
    """Forwards a loopback port to another one."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._whole = threading.Event()
        self._whole.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._ends: list[socket.socket] = []
        self.accepted = 0
        self._after: tuple[int, Callable[[], None]] | None = None

    def __enter__(self) -> Cable:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        self.snap()

    def pull(self) -> None:
        """Drop all bytes, in both directions, without any signal."""
        self._whole.clear()

    def snap(self) -> None:
        """Reset the connection on both sides (RST)."""
        ends, self._ends = self._ends, []
        for end in ends:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def mend(self) -> None:
        """Forward bytes again, on new connections."""
        self.snap()
        self._whole.set()

    def after(self, size: int, then: Callable[[], None]) -> None:
        """Call `then` after this many more bytes have gone to the server."""
        self._after = (size, then)

    def _count(self, size: int) -> None:
        if self._after is None:
            return
        left, then = self._after
        self._after = (left - size, then)
        if left <= size:
            self._after = None
            then()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            try:
                there = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                # Nothing listens there at the moment: the client sees the end of its connection.
                here.close()
                continue
            self._ends += [here, there]
            threading.Thread(target=self._forward, args=(here, there, True), daemon=True).start()
            threading.Thread(target=self._forward, args=(there, here, False), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket, ours: bool) -> None:
        try:
            while data := source.recv(65536):
                if not self._whole.is_set():
                    continue
                target.sendall(data)
                if ours:
                    self._count(len(data))
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return
