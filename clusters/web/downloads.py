"""Downloads that are sent while they are made, so that no process holds them as a whole."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

from clusters.web.fair_places import FairPlaces, client_called

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


PARTS_AT_ONCE = 4
"""How many parts the process makes at the same time: each takes several times its size while it is made."""
PARTS_OF_ONE = 2
"""So many of them at most are of one person, however many downloads that person has begun."""

# A client that has gone away leaves its place at once, and the part that a thread makes for it a moment later.
_making = threading.BoundedSemaphore(PARTS_AT_ONCE)
_places: WeakKeyDictionary[asyncio.AbstractEventLoop, FairPlaces] = WeakKeyDictionary()


def streamed(parts: Iterator[bytes], name: str, kind: str, person: int) -> StreamingHttpResponse:
    """A download of that file name and content type, sent to the person with this id while it is made."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(_in_turn(parts, client_called(person)), content_type=kind, headers=headers)


async def _in_turn(parts: Iterator[bytes], client: str) -> AsyncIterator[bytes]:
    """Part by part: the server would gather a plain generator as a whole before it sends anything.

    The next one is made when the client has read most of this one: until then the server does not take more
    (`installer_site.unread`).
    """
    places = _places.setdefault(asyncio.get_running_loop(), FairPlaces(PARTS_AT_ONCE, PARTS_OF_ONE))
    take = sync_to_async(_next)
    try:
        while True:
            async with places.place(client):
                part = await take(parts)
            if not part:
                return
            yield part
    finally:
        await sync_to_async(parts.close)()  # type: ignore[attr-defined]


def _next(parts: Iterator[bytes]) -> bytes:
    with _making:
        return next(parts, b"")
