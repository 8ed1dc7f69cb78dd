"""Limits of the web server below Django: how much a client may send, how slowly, and over how many connections."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import daphne.server
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import parse_cookie
from twisted.web.http import HTTPChannel

from clusters.web.live_rights import is_admitted

if TYPE_CHECKING:
    from twisted.internet.interfaces import ITCPTransport

log = logging.getLogger(__name__)

# A body of a client that has not logged in: the form of the login page and nothing larger.
BEFORE_LOGIN_BYTES = 64 * 1024
# Between a response and the next request on the same connection; longer than proxies keep connections by default.
IDLE_SECONDS = 75
# How long a refused client may go on sending what nobody reads: one that is cut off at once often loses the answer.
LINGER_SECONDS = 5
# What a browser sends over a live socket is a number. Frames of ours have to fit into a message: 64 KB and a margin.
FRAME_BYTES = 4 * 1024
MESSAGE_BYTES = 128 * 1024

TOO_LARGE = "The request is larger than {limit:g} MB, the most that Slipway accepts. Send less (SLIPWAY_MAX_BODY_MB)."
NOT_LOGGED_IN = "Without a login Slipway accepts requests up to 64 KB. Log in and send it again."
NO_DATABASE = "Slipway's database does not answer, so your login cannot be checked. Try again in a minute."
TOO_SLOW = "The request did not arrive within {seconds:g} s. Check the connection and send it again."


class Request(WebRequest):
    """A request whose body only Django parses: Twisted would hold all of a form in memory, several times."""

    def __init__(self, channel: Channel, queued: object) -> None:
        super().__init__(channel, queued, parsePOSTFormSubmission=False)


class Channel(HTTPChannel):
    """One HTTP connection. Every part of a request has a deadline: a byte now and then does not buy more time."""

    maxHeaders = 100
    totalHeadersSize = 16 * 1024

    def __init__(self) -> None:
        super().__init__()
        self.receiving = False
        self.refused = False
        self._arrived = 0
        self._allowed = BEFORE_LOGIN_BYTES
        self._admission: asyncio.Task[None] | None = None

    @property
    def waits_for_client(self) -> bool:
        """Whether closing the connection loses no answer: it is idle, or its request has not arrived yet."""
        return not self._handlingRequest

    def connectionMade(self) -> None:
        """Count the connection."""
        super().connectionMade()
        self.factory.enter(self)

    def connectionLost(self, reason: Any) -> None:
        """Count it no longer."""
        self.factory.leave(self.transport)
        super().connectionLost(reason)

    def resetTimeout(self) -> None:
        """Data does not postpone a deadline."""

    def dataReceived(self, data: bytes) -> None:
        """The first byte of a request starts the deadline of its headers."""
        if self.waits_for_client and not self.receiving:
            self.receiving = True
            self.setTimeout(settings.SLIPWAY_HEADER_SECONDS)
            self.factory.enter(self)
        super().dataReceived(data)

    def allHeadersReceived(self) -> None:
        """Refuse what is too large before it arrives; look up the login of who sends more than a small form."""
        self.setTimeout(settings.SLIPWAY_BODY_SECONDS)
        self._arrived, self._allowed = 0, BEFORE_LOGIN_BYTES
        if self.length is not None and self.length > settings.SLIPWAY_MAX_BODY:
            self.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _too_large())
            return
        super().allHeadersReceived()
        if self.length is None or self.length > BEFORE_LOGIN_BYTES:
            self.transport.pauseProducing()
            self._admission = asyncio.ensure_future(self._admit(self.requests[-1]))

    def rawDataReceived(self, data: bytes) -> None:
        """Count a body of unknown length as it was sent: with what frames its chunks, and with its trailers."""
        if self.refused:
            return
        if self.length is None:
            self._arrived += len(data)
            if self._arrived > self._allowed:
                logged_in = self._allowed > BEFORE_LOGIN_BYTES
                self.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _too_large() if logged_in else NOT_LOGGED_IN)
                return
        super().rawDataReceived(data)

    def allContentReceived(self) -> None:
        """The request is complete: from its response on the connection is idle."""
        self.receiving = False
        self.setTimeout(IDLE_SECONDS)
        super().allContentReceived()

    def timeoutConnection(self) -> None:
        """Answer a request that came too slowly; close what is idle, or was refused a while ago."""
        if self.receiving and not self.refused:
            seconds = settings.SLIPWAY_HEADER_SECONDS if self.line_mode else settings.SLIPWAY_BODY_SECONDS
            self.refuse(HTTPStatus.REQUEST_TIMEOUT, TOO_SLOW.format(seconds=seconds))
        else:
            super().timeoutConnection()

    def refuse(self, status: HTTPStatus, sentence: str) -> None:
        """Answer with a sentence, read nothing more of the request, and close the connection."""
        log.info("Refused a request of %s with %s: %s", self.transport.getPeer(), status.value, sentence)
        self.refused = True
        self.setRawMode()
        body = f"{sentence}\n".encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.setTimeout(LINGER_SECONDS)

    async def _admit(self, request: Request) -> None:
        """Let the body come when its sender is logged in."""
        status, sentence = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, NOT_LOGGED_IN
        try:
            logged_in = await is_admitted(_session_key(request))
        except (DatabaseError, InterfaceError) as error:
            log.warning("The login of a client cannot be checked: %s", error)
            logged_in, status, sentence = False, HTTPStatus.SERVICE_UNAVAILABLE, NO_DATABASE
        if self.receiving and not self.refused and request in self.requests:
            if logged_in:
                self._allowed = settings.SLIPWAY_MAX_BODY
            elif self.length is not None:
                self.refuse(status, sentence)
        self.transport.resumeProducing()


class Factory(HTTPFactory):
    """Makes the channels and keeps their number: one too many closes the one that has waited longest for its client."""

    protocol = Channel

    def __init__(self, server: daphne.server.Server) -> None:
        super().__init__(server)
        self.timeOut = settings.SLIPWAY_HEADER_SECONDS
        self.channels: dict[ITCPTransport, Channel] = {}

    def buildProtocol(self, addr: Any) -> Channel:
        """A channel that parses no forms."""
        channel: Channel = super().buildProtocol(addr)
        channel.requestFactory = Request
        return channel

    def acceptableProtocols(self) -> list[bytes]:
        """HTTP/2 would bring channels of its own, without these limits."""
        return [b"http/1.1"]

    def enter(self, channel: Channel) -> None:
        """The connection is the newest of those that wait for their clients."""
        self.leave(channel.transport)
        self.channels[channel.transport] = channel
        if len(self.channels) > settings.SLIPWAY_MAX_CONNECTIONS:
            oldest = next((each for each in self.channels.values() if each.waits_for_client), channel)
            log.info("More than %s connections: closing the oldest that waits", settings.SLIPWAY_MAX_CONNECTIONS)
            self.leave(oldest.transport)
            oldest.transport.abortConnection()

    def leave(self, transport: ITCPTransport) -> None:
        """The connection has ended, or has become the live socket of somebody."""
        self.channels.pop(transport, None)


class Socket(WebSocketProtocol):
    """A live socket. Its connection counts as HTTP until the application has accepted it."""

    def dataReceived(self, data: bytes) -> None:
        """A client that sends before it was accepted is cut off: its data would pile up without a limit."""
        if self.state == self.STATE_CONNECTING and hasattr(self, "request"):
            self.transport.abortConnection()
            return
        super().dataReceived(data)

    def onOpen(self) -> None:
        """Accepted."""
        self._leave()
        super().onOpen()

    def connectionLost(self, reason: Any) -> None:
        """Ended, accepted or not."""
        self._leave()
        super().connectionLost(reason)

    def _leave(self) -> None:
        self.factory.server_class.http_factory.leave(self.transport)


class SocketFactory(WebSocketFactory):
    """Makes the live sockets, with bounds that no command line loosens."""

    protocol = Socket

    def setProtocolOptions(self, **options: Any) -> None:
        """Daphne's options, with our bounds of frames and messages."""
        bounds = {"maxFramePayloadSize": FRAME_BYTES, "maxMessagePayloadSize": MESSAGE_BYTES}
        super().setProtocolOptions(**{**options, **bounds})


def limit_daphne() -> None:
    """Have daphne use these classes, however it is started: its server makes its factories by these two names.

    It offers no other way in. As the application does this when it is loaded, no command line can forget it.
    """
    daphne.server.HTTPFactory = Factory
    daphne.server.WebSocketFactory = SocketFactory


def _too_large() -> str:
    return TOO_LARGE.format(limit=settings.SLIPWAY_MAX_BODY / 1024**2)


def _session_key(request: Request) -> str:
    header = b"; ".join(request.requestHeaders.getRawHeaders(b"Cookie", []))
    return parse_cookie(header.decode("latin-1")).get(settings.SESSION_COOKIE_NAME, "")
