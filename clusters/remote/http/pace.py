"""Requests that no server can stall forever: a deadline until its response begins, then a minimum speed."""

from __future__ import annotations

import http.client
import io
import socket
import time
import urllib.request
from functools import partial
from typing import TYPE_CHECKING, Any

from clusters.remote.connection.networks import resolve

if TYPE_CHECKING:
    from clusters.remote.connection.networks import Networks

LEAST_BYTES = 16 * 1024
"""Bytes of a body that must arrive within the seconds of a pace, or the request ends."""

MOST_BEFORE_BODY = 1024 * 1024
"""Bytes of all headers, and of the bodies of redirects, which are not used."""


class Pace:
    """How long one request waits, redirects, proxies and TLS included.

    A socket's timeout restarts with each byte, so a byte now and then would block its thread for hours.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._came = 0
        self._in_body = False

    def left(self) -> float:
        """Seconds until the request ends if nothing more arrives. Raises TimeoutError when none are left."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"The server took longer than {self._seconds:g} s.")
        return left

    def begin_body(self) -> None:
        """The headers have arrived; from now on only the minimum speed counts, not the total time."""
        self._in_body = True
        self._renew()

    def count(self, size: int) -> None:
        """Count bytes that have arrived. Raises HTTPException when there are too many for headers."""
        self._came += size
        if self._in_body and self._came >= LEAST_BYTES:
            self._renew()
        elif not self._in_body and self._came > MOST_BEFORE_BODY:
            raise http.client.HTTPException(f"more than {MOST_BEFORE_BODY:,} bytes arrived before the file")

    def _renew(self) -> None:
        self._until = time.monotonic() + self._seconds
        self._came = 0


def opener(pace: Pace, *handlers: Any, networks: Networks | None = None) -> urllib.request.OpenerDirector:
    """Opens requests at that pace, through the environment's proxies, with these handlers of urllib.

    With `networks`, it connects only to checked addresses. Where the environment names a proxy, the proxy connects,
    and decides what can be reached. Raises what urllib raises, HTTPException, and AddressRefused.
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
    """A proxy comes from the administrator, through the environment of this process, and may be anywhere."""
    through = request.has_proxy() or getattr(request, "_tunnel_host", None)
    return None if through else networks


class _Plain(http.client.HTTPConnection):
    def __init__(self, *args: Any, pace: Pace, networks: Networks | None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._pace = pace
        self._create_connection = partial(_connect, pace, networks)
        self.response_class = partial(_Answer, pace=pace)  # type: ignore[assignment]

    def send(self, data: Any) -> None:
        """Send within the remaining time."""
        if self.sock is not None:
            self.sock.settimeout(self._pace.left())
        super().send(data)


class _Secure(_Plain, http.client.HTTPSConnection):
    """The certificate is checked against the host name, whatever address it resolved to."""


def _connect(pace: Pace, networks: Networks | None, where: tuple[str, int], *_: Any) -> socket.socket:
    """What `socket.create_connection` does, but only to checked addresses, which share the remaining time."""
    failure: OSError = OSError(f"{where[0]} has no address")
    places = resolve(*where, networks)
    for number, (family, kind, protocol, _name, address) in enumerate(places):
        link = socket.socket(family, kind, protocol)
        try:
            link.settimeout(pace.left() / (len(places) - number))
            link.connect(address)
            # For the TLS handshake, which is one call.
            link.settimeout(pace.left())
        except OSError as error:
            link.close()
            failure = error
            continue
        return link
    raise failure


class _Answer(http.client.HTTPResponse):
    """A response in which every read, of headers and of the body, keeps the pace."""

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
