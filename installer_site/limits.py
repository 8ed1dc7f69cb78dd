"""Limits of the web server below Django: how much a client may send, how slowly it may send and read, and how often."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import daphne.server
from autobahn.websocket.types import ConnectionDeny
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from twisted.internet import reactor
from twisted.internet.protocol import connectionDone
from twisted.web.http import HTTPChannel

from clusters.web.live_rights import NOT_UNDERSTOOD, is_admitted
from installer_site.budgets import BODIES_BYTES, LATE_SECONDS, Budget, Places, allow_more_files
from installer_site.clients import client_of, session_in
from installer_site.unread import Unread, when_there_is_room

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from installer_site.unread import Transport

log = logging.getLogger(__name__)

# The largest body of a client that has not logged in: enough for the login form.
BEFORE_LOGIN_BYTES = 64 * 1024
# Between a response and the next request on a connection; longer than proxies keep connections open by default.
IDLE_SECONDS = 75
# How long a refused client may keep sending unread data: a client that is cut off at once often loses the response.
LINGER_SECONDS = 5
# A browser sends only a number over a live socket. Our frames must fit into a message: 64 KB and a margin.
FRAME_BYTES = 4 * 1024
MESSAGE_BYTES = 128 * 1024
# Messages of a live socket that wait for the application; a browser has a handful of them in transit.
WAITING_MESSAGES = 256

TOO_LARGE = "The request is larger than {limit:g} MB, Slipway's limit (SLIPWAY_MAX_BODY_MB). Send less."
NOT_LOGGED_IN = "Without a login Slipway accepts requests up to 64 KB. Log in and send it again."
NO_DATABASE = "Slipway's database does not answer, so your login cannot be checked. Try again in a minute."
BUSY = "Slipway is processing too many large requests. Send it again in a minute."
TOO_SLOW = "The request did not arrive within {seconds:g} s. Check the connection and send it again."


class Request(WebRequest):
    """A request whose body only Django parses: Twisted would keep a whole form in memory, several times."""

    def __init__(self, channel: Channel, queued: object) -> None:
        super().__init__(channel, queued, parsePOSTFormSubmission=False)

    def process(self) -> None:
        """Drop the client's root path for Slipway's pages: daphne would trust it, and pages compare paths."""
        self.requestHeaders.removeHeader(b"Daphne-Root-Path")
        super().process()

    @property
    def unread(self) -> Unread | None:
        """The client's unread data; None when the response is complete or the connection has ended."""
        return None if self.finished or self.channel is None else self.channel.unread


class Channel(HTTPChannel):
    """One HTTP connection. Every part of a request has a deadline, which slow bytes do not extend.

    While its client does not read, nothing more is written, and no further request is read or handled.
    """

    # An interface of zope, which mypy cannot read.
    transport: Transport  # type: ignore[assignment]
    maxHeaders = 100
    totalHeadersSize = 16 * 1024

    def __init__(self) -> None:
        super().__init__()
        self.receiving = False
        self.refused = False
        self._arrived = 0
        self._allowed = BEFORE_LOGIN_BYTES
        self._admission: asyncio.Task[None] | None = None
        self._reserved = 0
        self.unread: Unread
        self._answered: Request | None = None

    @property
    def waits_for_client(self) -> bool:
        """Whether closing it loses no response: it is idle, its request has not arrived, or its client has stalled."""
        return not self._handlingRequest or self.unread.stalled

    def connectionMade(self) -> None:
        """Count the connection."""
        self.unread = Unread(self.transport)
        super().connectionMade()
        self.factory.enter(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Stop counting the connection."""
        self.unread.end()
        self.factory.leave(self.transport)
        reactor.callLater(LATE_SECONDS, self.factory.bodies.give, self._reserved)  # type: ignore[arg-type] # zope
        if self._answered is not None:
            # It has already finished; Twisted would report its end a second time.
            self.requests.remove(self._answered)
        super().connectionLost(reason)

    def pauseProducing(self) -> None:
        """The client does not read fast enough. Twisted alone would keep reading while a request is handled."""
        self.unread.fill()
        super().pauseProducing()
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """The client has read everything; now the next request is handled, which may have arrived long ago."""
        self.unread.empty()
        super().resumeProducing()
        if sum(map(len, self._dataBuffer)) <= self._optimisticEagerReadSize:
            self.transport.resumeProducing()
        if self._answered is not None:
            answered, self._answered = self._answered, None
            super().requestDone(answered)

    def requestDone(self, request: Request) -> None:
        """Everything is written; the next request is handled once the client has read most of it."""
        self.factory.bodies.give(self._reserved)
        self._reserved = 0
        if self.unread.full:
            self._answered = request
        else:
            super().requestDone(request)

    def loseConnection(self) -> None:
        """Close it when the client has read the rest, which has a deadline, too."""
        self.unread.expect_end()
        super().loseConnection()

    def resetTimeout(self) -> None:
        """Data does not postpone a deadline."""

    def dataReceived(self, data: bytes) -> None:
        """The first byte of a request starts the deadline of its headers."""
        if not self._handlingRequest and not self.receiving:
            self.receiving = True
            self.setTimeout(settings.SLIPWAY_HEADER_SECONDS)
            self.factory.enter(self)
        super().dataReceived(data)

    def allHeadersReceived(self) -> None:
        """Refuse a request that is too large before it arrives; look up the login of clients that send large forms."""
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
        """Count a body of unknown length as it was sent, including chunk headers and trailers."""
        if self.refused:
            return
        if self.length is None:
            self._arrived += len(data)
            if self._arrived > self._allowed:
                logged_in = self._allowed > BEFORE_LOGIN_BYTES
                self.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _too_large() if logged_in else NOT_LOGGED_IN)
                return
            if self._arrived > BEFORE_LOGIN_BYTES and not self._reserve(len(data)):
                return
        super().rawDataReceived(data)

    def allContentReceived(self) -> None:
        """The request is complete: after its response the connection is idle."""
        self.receiving = False
        self.setTimeout(IDLE_SECONDS)
        super().allContentReceived()

    def timeoutConnection(self) -> None:
        """Refuse a request that arrives too slowly; close connections that are idle or were refused a while ago."""
        if self.receiving and not self.refused:
            seconds = settings.SLIPWAY_HEADER_SECONDS if self.line_mode else settings.SLIPWAY_BODY_SECONDS
            self.refuse(HTTPStatus.REQUEST_TIMEOUT, TOO_SLOW.format(seconds=seconds))
        else:
            super().timeoutConnection()

    def refuse(self, status: HTTPStatus, sentence: str) -> None:
        """Respond with a message, read no more of the request, and close the connection."""
        log.info("Refused a request from %s with %s: %s", self.transport.getPeer(), status.value, sentence)
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
        """Accept the body when its sender is logged in."""
        status, sentence = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, NOT_LOGGED_IN
        try:
            logged_in = await is_admitted(_session_key(request))
        except (DatabaseError, InterfaceError) as error:
            log.warning("Cannot check the login of a client: %s", error)
            logged_in, status, sentence = False, HTTPStatus.SERVICE_UNAVAILABLE, NO_DATABASE
        if self.receiving and not self.refused and request in self.requests:
            if logged_in:
                self._allowed = settings.SLIPWAY_MAX_BODY
                self._reserve(self.length or 0)
            elif self.length is not None:
                self.refuse(status, sentence)
        if not self.unread.full:
            self.transport.resumeProducing()

    def _reserve(self, size: int) -> bool:
        """Reserve memory for more of the body; if there is not enough, refuse the request and return False."""
        if not self.factory.bodies.take(size):
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, BUSY)
            return False
        self._reserved += size
        return True


class Factory(HTTPFactory):
    """Creates and counts the channels: when there are too many, the one that waits longest for its client is closed."""

    protocol = Channel

    def __init__(self, server: daphne.server.Server) -> None:
        super().__init__(server)
        server.handle_reply = when_there_is_room(server.handle_reply)
        self.timeOut = settings.SLIPWAY_HEADER_SECONDS
        self.channels: dict[Transport, Channel] = {}
        self.bodies = Budget(max(BODIES_BYTES, settings.SLIPWAY_MAX_BODY))
        self.sockets = Places()

    def buildProtocol(self, addr: Any) -> Channel:
        """A channel that parses no forms."""
        channel: Channel = super().buildProtocol(addr)
        # Daphne's requests are Twisted's, but daphne has no types.
        channel.requestFactory = Request  # type: ignore[assignment]
        return channel

    def acceptableProtocols(self) -> list[bytes]:
        """HTTP/2 would use other channels, without these limits."""
        return [b"http/1.1"]

    def enter(self, channel: Channel) -> None:
        """Add the connection as the newest of those that wait for their clients."""
        self.leave(channel.transport)
        self.channels[channel.transport] = channel
        if len(self.channels) > settings.SLIPWAY_MAX_CONNECTIONS:
            oldest = next((each for each in self.channels.values() if each.waits_for_client), channel)
            log.info("More than %s connections: closing the oldest waiting one", settings.SLIPWAY_MAX_CONNECTIONS)
            self.leave(oldest.transport)
            oldest.transport.abortConnection()

    def leave(self, transport: Transport) -> None:
        """Remove the connection: it has ended or become an accepted live socket."""
        self.channels.pop(transport, None)


class Socket(WebSocketProtocol):
    """A live socket. Its connection counts as HTTP until the application has accepted it.

    While its client does not read, nothing is sent to it or read from it: pings need responses, too.
    """

    _place: str | None = None

    def connectionMade(self) -> None:
        """Register for back pressure, in place of the HTTP channel."""
        self.unread = Unread(self.transport)
        self.transport.unregisterProducer()
        self.transport.registerProducer(self, True)
        super().connectionMade()

    def pauseProducing(self) -> None:
        """The client does not read fast enough."""
        self.unread.fill()
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """The client has read everything."""
        self.unread.empty()
        self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """The connection has ended, which `connectionLost` handles."""

    def dataReceived(self, data: bytes) -> None:
        """Disconnect a client that sends before it was accepted: its data would pile up without a limit."""
        if self.state == self.STATE_CONNECTING and hasattr(self, "request"):
            self.transport.abortConnection()
            return
        super().dataReceived(data)

    def onConnect(self, request: Any) -> Any:
        """Refuse handshakes that daphne cannot read, and clients with too many sockets."""
        if not request.headers.get("sec-websocket-protocol", "").isascii():
            raise ConnectionDeny(HTTPStatus.BAD_REQUEST.value, HTTPStatus.BAD_REQUEST.phrase)
        client = _client_of_handshake(request.headers, self.transport.getPeer())
        if not self._http.sockets.take(client):
            log.info("Refused a live socket from %s: too many sockets for it or in total", self.transport.getPeer())
            raise ConnectionDeny(HTTPStatus.TOO_MANY_REQUESTS.value, HTTPStatus.TOO_MANY_REQUESTS.phrase)
        self._place = client
        return super().onConnect(request)

    def onOpen(self) -> None:
        """The socket was accepted."""
        self._leave()
        super().onOpen()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Close it when messages arrive faster than they are handled; they would pile up without a limit."""
        if self.state != self.STATE_OPEN:
            return
        if self.application_queue.qsize() >= WAITING_MESSAGES:
            log.info("Closing a live socket from %s: it sends too fast", self.transport.getPeer())
            self.sendClose(code=NOT_UNDERSTOOD)
            return
        super().onMessage(payload, isBinary)

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Refuse a handshake with the status that the application sends; daphne supports only 403."""
        if message["type"] == "websocket.http.response.start":
            self._deny(HTTPStatus(message["status"]))
        elif message["type"] != "websocket.http.response.body":
            super().handle_reply(message)

    def connectionLost(self, reason: Any) -> None:
        """The connection has ended, whether it was accepted or not."""
        self.unread.end()
        self._leave()
        if self._place is not None:
            self._http.sockets.give(self._place)
            self._place = None
        super().connectionLost(reason)

    def dropConnection(self, abort: bool = False) -> None:
        """Close it after the client has read the rest, which has a deadline."""
        self.unread.expect_end()
        super().dropConnection(abort)

    def _deny(self, status: HTTPStatus) -> None:
        handshake = self.handshake_deferred
        del self.handshake_deferred
        handshake.errback(ConnectionDeny(code=status.value, reason=status.phrase))
        self.server.protocol_disconnected(self)

    def _leave(self) -> None:
        self._http.leave(self.transport)

    @property
    def _http(self) -> Factory:
        http: Factory = self.factory.server_class.http_factory
        return http


class SocketFactory(WebSocketFactory):
    """Creates the live sockets, with limits that no command line can relax."""

    protocol = Socket

    def setProtocolOptions(self, **options: Any) -> None:
        """Daphne's options, with our limits for frames and messages."""
        bounds = {"maxFramePayloadSize": FRAME_BYTES, "maxMessagePayloadSize": MESSAGE_BYTES}
        super().setProtocolOptions(**{**options, **bounds})


def limit_daphne() -> None:
    """Make daphne use these classes, however it is started: its server creates its factories by these two names.

    It has no other hook. Because the application does this when it is loaded, no command line can forget it.
    """
    allow_more_files()
    daphne.server.HTTPFactory = Factory
    daphne.server.WebSocketFactory = SocketFactory


def _too_large() -> str:
    return TOO_LARGE.format(limit=settings.SLIPWAY_MAX_BODY / 1024**2)


def _session_key(request: Request) -> str:
    return session_in((b"cookie", line) for line in request.requestHeaders.getRawHeaders(b"Cookie", []))


def _client_of_handshake(headers: dict[str, str], peer: Any) -> str:
    known = [(name.encode("latin-1", "replace"), text.encode("latin-1", "replace")) for name, text in headers.items()]
    return client_of({"headers": known, "client": (getattr(peer, "host", ""), 0)})
