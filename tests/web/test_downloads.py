"""Downloads are generated part by part, a few at a time, with a share of the places for each user."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from asgiref.sync import ThreadSensitiveContext

from clusters.web import downloads
from clusters.web.downloads import PARTS_AT_ONCE, PARTS_OF_ONE, stream

if TYPE_CHECKING:
    from collections.abc import Generator


class Making:
    """Parts of downloads that the test releases."""

    def __init__(self) -> None:
        self.inside: Counter[int] = Counter()
        self.go = threading.Event()

    def parts(self, person: int) -> Generator[bytes]:
        """Two parts."""
        for _ in range(2):
            self.inside[person] += 1
            self.go.wait(60)
            self.inside[person] -= 1
            yield b"part"

    async def download(self, person: int) -> bytes:
        """Consume a download as the server does, with a thread for each request."""
        async with ThreadSensitiveContext():
            return b"".join([part async for part in stream(self.parts(person), "x.txt", "text/plain", person)])

    async def reach(self, inside: dict[int, int]) -> None:
        """Wait for this many parts of each user."""
        async with asyncio.timeout(60):
            while +self.inside != Counter(inside):
                await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_a_user_with_many_downloads_leaves_places_for_others() -> None:
    making = Making()
    many = [asyncio.create_task(making.download(1)) for _ in range(PARTS_AT_ONCE + 2)]
    await making.reach({1: PARTS_OF_ONE})
    other = asyncio.create_task(making.download(2))
    await making.reach({1: PARTS_OF_ONE, 2: 1})
    making.go.set()
    assert {await each for each in (*many, other)} == {b"partpart"}


@pytest.mark.asyncio
async def test_an_abandoned_download_frees_its_place() -> None:
    making = Making()
    tasks = [asyncio.create_task(making.download(1)) for _ in range(PARTS_OF_ONE + 1)]
    await making.reach({1: PARTS_OF_ONE})
    tasks[-1].cancel()
    making.go.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await making.download(1) == b"partpart"
    assert downloads._places[asyncio.get_running_loop()].empty
