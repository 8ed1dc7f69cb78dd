"""Downloads that are sent while they are made, so that no process holds them as a whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


def streamed(parts: Iterator[bytes], name: str, kind: str) -> StreamingHttpResponse:
    """A download of that file name and content type, sent while it is made."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(_in_turn(parts), content_type=kind, headers=headers)


async def _in_turn(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Part by part: the server would gather a plain generator as a whole before it sends anything."""
    take = sync_to_async(next)
    try:
        while part := await take(parts, b""):
            yield part
            await asyncio.sleep(0)
    finally:
        await sync_to_async(parts.close)()  # type: ignore[attr-defined]
