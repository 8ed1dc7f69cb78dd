"""Many watchers of one run in one process: each checks that no event is missing, and reports when it was at the end."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import random
import re
import struct
import sys
import time

SEQ = re.compile(rb'"seq": ?(\d+)')
END = b'{"type": "end"'


class Watcher:
    """One connection; `last` is the newest event it has."""

    def __init__(self) -> None:
        self.last = 0
        self.gaps = 0
        self.again = 0
        self.ended = 0.0

    async def follow(self, port: int, path: str, session: str) -> None:
        """Follow until the end, as socket.js does: after a disconnect it connects again and continues from there."""
        pause = 0.5
        while not self.ended:
            try:
                await self._follow(port, path, session)
            except (asyncio.IncompleteReadError, ConnectionError):
                self.again += 1
                await asyncio.sleep(pause * random.uniform(0.75, 1.25))
                pause = min(15.0, pause * 2)

    async def _follow(self, port: int, path: str, session: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Origin: http://localhost:{port}\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Cookie: sessionid={session}\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_frame({"after": self.last}))
        while not self.ended:
            first, size = await reader.readexactly(2)
            if size == 126:
                size = struct.unpack("!H", await reader.readexactly(2))[0]
            elif size == 127:
                size = struct.unpack("!Q", await reader.readexactly(8))[0]
            data = await reader.readexactly(size)
            if first & 0x0F == 8:
                raise ConnectionError("sent away")
            if first & 0x0F == 1:
                self._take(data)
                writer.write(_frame({"got": self.last}))
        writer.close()

    def _take(self, data: bytes) -> None:
        if data.startswith(END):
            self.ended = time.time()
            return
        for seq in map(int, SEQ.findall(data)):
            if seq > self.last + 1:
                self.gaps += 1
            self.last = max(self.last, seq)


def _frame(message: dict[str, int]) -> bytes:
    text = json.dumps(message).encode()
    mask = os.urandom(4)
    return bytes([0x81, 0x80 | len(text)]) + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(text))


async def main(port: int, path: str, sessions: list[str], count: int) -> None:
    """Follow with that many, the sessions in turn; prints the results of each as JSON."""
    watchers = [Watcher() for _ in range(count)]
    turns = zip(watchers, itertools.cycle(sessions), strict=False)
    await asyncio.gather(*(watcher.follow(port, path, session) for watcher, session in turns))
    found = {
        "last": sorted({watcher.last for watcher in watchers}),
        "gaps": sum(watcher.gaps for watcher in watchers),
        "again": sum(watcher.again for watcher in watchers),
        "ended": max(watcher.ended for watcher in watchers),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3].split(","), int(sys.argv[4])))
