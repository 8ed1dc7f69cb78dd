"""Downloads that are sent while they are made, so that no process holds them as a whole."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


PARTS_AT_ONCE = 4
"""How many parts the process makes at the same time: each takes several times its size while it is made."""

_making = threading.BoundedSemaphore(PARTS_AT_ONCE)


def streamed(parts: Iterator[bytes], name: str, kind: str) -> StreamingHttpResponse:
    """A download of that file name and content type, sent while it is made."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(_in_turn(parts), content_type=kind, headers=headers)


async def _in_turn(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Part by part: the server would gather a plain generator as a whole before it sends anything.

    The next one is made when the client has read most of this one: until then the server does not take more
    (`installer_site.unread`).
    """
    take = sync_to_async(_next)
    try:
        while part := await take(parts):
            yield part
    finally:
        await sync_to_async(parts.close)()  # type: ignore[attr-defined]


def _next(parts: Iterator[bytes]) -> bytes:
    with _making:
        return next(parts, b"")
