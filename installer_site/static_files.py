"""StaticFirst: serves static files without Django, which needs threads and more time for a file than for a page."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpResponseNotFound
from servestatic.asgi import FileServerASGI
from servestatic.middleware import ServeStaticMiddleware

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from django.http import HttpRequest, HttpResponseBase

    Message = MutableMapping[str, Any]
    # Django, Channels and servestatic each define their own types for the same three values.
    Application = Callable[[Any, Any, Any], Awaitable[None]]

PART = 64 * 1024
WHOLE = "http.response.pathsend"
"""The message with which servestatic lets the server send a whole file (an extension of ASGI)."""


class StaticFirst:
    """Serves the files known at start; the application gets all other requests.

    Requested files stay in memory: all files together have some 10 MB.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        # During development files change, and the middleware looks for them each time.
        self._files = {} if settings.DEBUG else ServeStaticMiddleware(_nothing_else).files
        self._contents: dict[str, bytes] = {}

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        file = self._files.get(scope["path"])
        if file is None:
            await self._application(scope, receive, send)
            return

        async def send_parts(message: Message) -> None:
            if message["type"] != WHOLE:
                await send(message)
                return
            content = await self._content(message["path"])
            for at in range(0, len(content), PART):
                await send({"type": "http.response.body", "body": content[at : at + PART], "more_body": True})
            await send({"type": "http.response.body"})

        await FileServerASGI(file)({**scope, "extensions": {WHOLE: {}}}, receive, send_parts)

    async def _content(self, path: str) -> bytes:
        if path not in self._contents:
            self._contents[path] = await asyncio.to_thread(Path(path).read_bytes)
        return self._contents[path]


async def _nothing_else(request: HttpRequest) -> HttpResponseBase:
    """A placeholder for the next application of the middleware; only its list of files is used here."""
    return HttpResponseNotFound()
