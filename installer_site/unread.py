"""Unread: data that a client does not read blocks only its own connection, and closes it after a while."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from twisted.internet.interfaces import IAddress

    Message = MutableMapping[str, Any]
    Reply = Callable[[Any, Message], Awaitable[None]]

log = logging.getLogger(__name__)

# Seconds without progress after which a connection may be closed for others, if there are too many.
STALLED_SECONDS = 5
# Messages of an application with content. All others are short, and end something.
CONTENT = ("http.response.body", "websocket.send")


class Transport(Protocol):
    """Twisted's ITCPTransport, as far as it is used here: mypy cannot read interfaces of zope."""

    def getPeer(self) -> IAddress:
        """The address of the client."""
        ...

    def write(self, data: bytes) -> None:
        """Send it as soon as the client takes it."""
        ...

    def pauseProducing(self) -> None:
        """Read nothing more."""
        ...

    def resumeProducing(self) -> None:
        """Read again."""
        ...

    def abortConnection(self) -> None:
        """Close it now, with what is not sent yet."""
        ...


class Unread:
    """Whether the buffer of one connection is full. It is full at 64 KB, and has room when all of it was read."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._full_since: float | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._ended = False

    @property
    def full(self) -> bool:
        """Whether writing must wait."""
        return not self._room.is_set()

    @property
    def stalled(self) -> bool:
        """Whether the client reads less than 64 KB in some seconds."""
        return self._full_since is not None and time.monotonic() - self._full_since > STALLED_SECONDS

    def fill(self) -> None:
        """The buffer is full."""
        self._room.clear()
        if self._full_since is None:
            self._full_since = time.monotonic()
        self.expect_end()

    def empty(self) -> None:
        """The client has read everything."""
        self._stop()
        self._full_since = None
        self._room.set()

    def expect_end(self) -> None:
        """Start the deadline for the client to read everything; after it the connection is closed."""
        if self._deadline is None and not self._ended:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(settings.SLIPWAY_UNREAD_SECONDS, self._give_up)

    def end(self) -> None:
        """The connection has ended: release all waiting writers."""
        self._ended = True
        self._stop()
        self._room.set()

    async def room(self) -> None:
        """Wait until something may be written, or the connection has ended."""
        await self._room.wait()

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        log.info(
            "Closing the connection of %s, which did not read a response within %s s",
            self._transport.getPeer(),
            settings.SLIPWAY_UNREAD_SECONDS,
        )
        self._transport.abortConnection()


def when_there_is_room(reply: Reply) -> Reply:
    """Wraps a server's `reply` so that applications wait while their client does not read."""

    async def reply_in_turn(protocol: Any, message: Message) -> None:
        if message.get("type") in CONTENT and (unread := protocol.unread) is not None:
            await unread.room()
        await reply(protocol, message)

    return reply_in_turn
