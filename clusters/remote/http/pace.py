"""Requests of which no server makes a wait without end: a deadline until its answer begins, then a least speed."""

from __future__ import annotations

import http.client
import io
import socket
import time
import urllib.request
from functools import partial
from typing import TYPE_CHECKING, Any

from clusters.remote.connection.networks import resolved

if TYPE_CHECKING:
    from clusters.remote.connection.networks import Networks

LEAST_BYTES = 16 * 1024
"""So much of a body comes within the seconds of a pace, or the request ends."""

MOST_BEFORE_BODY = 1024 * 1024
"""Bytes of all headers, and of the bodies of redirects, which nobody uses."""


class Pace:
    """How long one request waits, redirects, proxies and TLS included.

    A timeout of a socket begins again with each byte, so that a byte now and then would hold its thread for hours.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._came = 0
        self._in_body = False

    def left(self) -> float:
        """Seconds until the request ends if nothing more comes. Raises TimeoutError when there are none."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"The server took longer than {self._seconds:g} s.")
        return left

    def begin_body(self) -> None:
        """The headers have come; from now on a least speed is enough, however long it takes."""
        self._in_body = True
        self._renew()

    def count(self, size: int) -> None:
        """So many bytes have come. Raises HTTPException when they are too many for headers."""
        self._came += size
        if self._in_body and self._came >= LEAST_BYTES:
            self._renew()
        elif not self._in_body and self._came > MOST_BEFORE_BODY:
            raise http.client.HTTPException(f"more than {MOST_BEFORE_BODY:,} bytes came before the file")

    def _renew(self) -> None:
        self._until = time.monotonic() + self._seconds
        self._came = 0


def opener(pace: Pace, *handlers: Any, networks: Networks | None = None) -> urllib.request.OpenerDirector:
    """Opens requests at that pace, through the environment's proxies, with these handlers of urllib.

    With `networks`, connections go to checked addresses only. Where the environment names a proxy, the proxy connects,
    so that what it reaches is decided there. Raises what urllib raises, HTTPException, and AddressRefused.
    """
    return urllib.request.build_opener(*handlers, _Http(pace, networks), _Https(pace, networks))


class _Http(urllib.request.HTTPHandler):
    def __init__(self, pace: Pace, networks: Networks | None) -> None:
        super().__init__()
        self._connection = partial(_Plain, pace=pace)
        self._networks = networks

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(self._connection, networks=_unless_proxied(request, self._networks)), request)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, pace: Pace, networks: Networks | None) -> None:
        super().__init__()
        self._connection = partial(_Secure, pace=pace)
        self._networks = networks

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(self._connection, networks=_unless_proxied(request, self._networks)), request)


def _unless_proxied(request: urllib.request.Request, networks: Networks | None) -> Networks | None:
    """A proxy is the administrator's, named in the environment of this process, and may be anywhere."""
    through = request.has_proxy() or getattr(request, "_tunnel_host", None)
    return None if through else networks


class _Plain(http.client.HTTPConnection):
    def __init__(self, *args: Any, pace: Pace, networks: Networks | None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._pace = pace
        self._create_connection = partial(_connected, pace, networks)
        self.response_class = partial(_Answer, pace=pace)  # type: ignore[assignment]

    def send(self, data: Any) -> None:
        """Within what is left of the time."""
        if self.sock is not None:
            self.sock.settimeout(self._pace.left())
        super().send(data)


class _Secure(_Plain, http.client.HTTPSConnection):
    """The certificate is checked against the name of the address, whatever it was resolved to."""


def _connected(pace: Pace, networks: Networks | None, where: tuple[str, int], *_: Any) -> socket.socket:
    """What `socket.create_connection` does, to checked addresses only, which share the time that is left."""
    failure: OSError = OSError(f"{where[0]} has no address")
    places = resolved(*where, networks)
    for number, (family, kind, protocol, _name, address) in enumerate(places):
        link = socket.socket(family, kind, protocol)
        try:
            link.settimeout(pace.left() / (len(places) - number))
            link.connect(address)
            # For the handshake of TLS, which is one call.
            link.settimeout(pace.left())
        except OSError as error:
            link.close()
            failure = error
            continue
        return link
    raise failure


class _Answer(http.client.HTTPResponse):
    """An answer whose every read, of headers as of the body, keeps the pace."""

    def __init__(self, sock: socket.socket, *args: Any, pace: Pace, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Stream(self.fp.detach(), sock, pace))


class _Stream(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase, link: socket.socket, pace: Pace) -> None:
        self._raw, self._link, self._pace = raw, link, pace

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int | None:
        self._link.settimeout(self._pace.left())
        count: int = self._raw.readinto(into) or 0
        self._pace.count(count)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
