"""FairRequests: a few requests are processed at a time, and clients take turns, however many requests each sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.web.fair_places import FairPlaces
from installer_site.clients import client_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    # Django, Channels and servestatic each define their own types for the same three values.
    Application = Callable[[Any, Any, Any], Awaitable[None]]

AT_ONCE = 8
"""Requests that Django processes at a time. More threads would share the same processor, and each one, including the
event loop that serves all clients, would wait for all others again and again."""
OF_ONE_CLIENT = 4
"""How many of them may belong to one client: a user, with all sessions, or an address without a known login: a forged
cookie belongs to no user."""
FIRST = ("/healthz",)
"""These never wait: monitoring checks whether Slipway answers, not how busy it is."""


class FairRequests:
    """Makes requests wait until there is room for them; waiting clients are served in turn.

    A place is free again when the response starts: downloads are generated in parts, which have a separate limit.
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
