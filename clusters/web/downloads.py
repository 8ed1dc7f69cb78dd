"""Downloads that are sent while they are generated, so that no process holds a whole one."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

from clusters.web.fair_places import FairPlaces, client_called

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator


PARTS_AT_ONCE = 4
"""How many parts the process generates at the same time: each needs several times its size meanwhile."""
PARTS_OF_ONE = 2
"""How many of them may belong to one user, however many downloads that user has started."""

# A client that disconnects frees its place at once; the thread that generates its part finishes a moment later.
_making = threading.BoundedSemaphore(PARTS_AT_ONCE)
_places: WeakKeyDictionary[asyncio.AbstractEventLoop, FairPlaces] = WeakKeyDictionary()


def stream(parts: Generator[bytes, None, None], name: str, kind: str, person: int) -> StreamingHttpResponse:
    """A download with this file name and content type, sent to the user with this id while it is generated."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(_in_turn(parts, client_called(person)), content_type=kind, headers=headers)


async def _in_turn(parts: Generator[bytes, None, None], client: str) -> AsyncIterator[bytes]:
    """Part by part: the server would collect all of a plain generator before it sends anything.

    The next part is generated when the client has read most of this one: until then the server accepts no more
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
        await sync_to_async(parts.close)()


def _next(parts: Generator[bytes, None, None]) -> bytes:
    with _making:
        return next(parts, b"")
