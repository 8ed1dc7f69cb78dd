"""FairRequests: a few requests are worked on at a time, and each client has its turn, however many others it sends."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import parse_cookie

from clusters.services.client_address import address_from
from installer_site.known_sessions import digest_of, is_known

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Application = Callable[[Message, Any, Any], Awaitable[None]]

AT_ONCE = 8
"""Requests that Django works on at a time. More threads than that share the same processor, and each one, the loop that
answers everybody included, waits for all others again and again."""
OF_ONE_CLIENT = 4
"""So many of them at most are of one client: of a session, or of an address where nobody is known to be signed in: a
cookie that was made up is nobody."""
FIRST = ("/healthz",)
"""Never wait: who watches over Slipway asks whether it answers, and not whether there is much to do."""


class FairRequests:
    """Has requests wait until there is room for them; clients that wait are served in turn.

    A place is free again when the answer begins: downloads are made in parts, which have a limit of their own.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._busy: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        if scope["path"] in FIRST:
            await self._application(scope, receive, send)
            return
        client = client_of(scope)
        await self._enter(client)
        inside = True

        async def send_on(message: Message) -> None:
            nonlocal inside
            if inside and message["type"] == "http.response.start":
                inside = False
                self._leave(client)
            await send(message)

        try:
            await self._application(scope, receive, send_on)
        finally:
            if inside:
                self._leave(client)

    async def _enter(self, client: str) -> None:
        if self._has_room(client) and client not in self._waiting:
            self._busy[client] += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._forget(client, turn)
            else:
                self._leave(client)
            raise

    def _leave(self, client: str) -> None:
        self._busy[client] -= 1
        if not self._busy[client]:
            del self._busy[client]
        while (following := next((each for each in self._waiting if self._has_room(each)), None)) is not None:
            waiting = self._waiting.pop(following)
            turn = waiting.popleft()
            if waiting:  # to the end of the line, behind all others that wait
                self._waiting[following] = waiting
            if not turn.done():  # else it was given up in this moment
                self._busy[following] += 1
                turn.set_result(None)

    def _has_room(self, client: str) -> bool:
        return self._busy[client] < OF_ONE_CLIENT and self._busy.total() < AT_ONCE

    def _forget(self, client: str, turn: asyncio.Future[None]) -> None:
        waiting = self._waiting.get(client)
        if waiting and turn in waiting:
            waiting.remove(turn)
            if not waiting:
                del self._waiting[client]


def client_of(scope: Message) -> str:
    """Who sends a request: the session of somebody who is signed in, as a digest, or else the address."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    session = parse_cookie(headers.get(b"cookie", b"").decode("latin-1")).get(settings.SESSION_COOKIE_NAME, "")
    if session and is_known(digest := digest_of(session)):
        return digest
    remote = str((scope.get("client") or ("",))[0])
    return address_from(remote, headers.get(b"x-forwarded-for", b"").decode("latin-1"))
