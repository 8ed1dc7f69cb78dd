"""FairRequests: a few requests are worked on at a time, and each client has its turn, however many others it sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.web.fair_places import FairPlaces
from installer_site.clients import client_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Application = Callable[[Message, Any, Any], Awaitable[None]]

AT_ONCE = 8
"""Requests that Django works on at a time. More threads than that share the same processor, and each one, the loop that
answers everybody included, waits for all others again and again."""
OF_ONE_CLIENT = 4
"""So many of them at most are of one client: of a person, with all their sessions, or of an address where nobody is
known to be signed in: a cookie that was made up is nobody's."""
FIRST = ("/healthz",)
"""Never wait: who watches over Slipway asks whether it answers, and not whether there is much to do."""


class FairRequests:
    """Has requests wait until there is room for them; clients that wait are served in turn.

    A place is free again when the answer begins: downloads are made in parts, which have a limit of their own.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self.places = FairPlaces(AT_ONCE, OF_ONE_CLIENT)

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        if scope["path"] in FIRST:
            await self._application(scope, receive, send)
            return
        client = client_of(scope)
        await self.places.enter(client)
        inside = True

        async def send_on(message: Message) -> None:
            nonlocal inside
            if inside and message["type"] == "http.response.start":
                inside = False
                self.places.leave(client)
            await send(message)

        try:
            await self._application(scope, receive, send_on)
        finally:
            if inside:
                self.places.leave(client)
