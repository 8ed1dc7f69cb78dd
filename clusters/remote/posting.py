"""Posting to webhooks: one request to an address of the settings, connected only where webhooks may be."""

from __future__ import annotations

import http.client
import socket
import urllib.error
import urllib.request
from functools import partial
from typing import TYPE_CHECKING, Any

from clusters.errors import RemoteError
from clusters.remote.networks import resolved

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.remote.networks import Networks

MOST_OF_ANSWER = 1024
"""Bytes of an answer that are read; nothing in it is used."""


class PostRefused(RemoteError):
    """The receiver did not take it, or the address is not that of a webhook."""

    retryable = True


def post(url: str, body: bytes, headers: Mapping[str, str], *, networks: Networks, seconds: float) -> None:
    """Post to a webhook, without following redirects; `seconds` bound each wait for the receiver.

    The host's name is resolved once and every address checked (`clusters.remote.networks`). Where the environment
    names a proxy for the address, the proxy connects, so that what it reaches is decided there.

    Raises PostRefused, AddressRefused, and what the connection raises (OSError, HTTPException).
    """
    if not url.startswith(("https://", "http://")):
        raise PostRefused("The address of a webhook begins with https:// or http://; this one does not.")
    request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310 - checked above
    opener = urllib.request.build_opener(_NoDetours, _Http(networks), _Https(networks))
    try:
        with opener.open(request, timeout=seconds) as answer:
            answer.read(MOST_OF_ANSWER)
    except urllib.error.HTTPError as error:
        with error:
            raise PostRefused(f"The receiver answered {error.code}.") from None


class _NoDetours(urllib.request.HTTPRedirectHandler):
    """A redirect would carry what is sent to a place that nobody named."""

    def redirect_request(self, *_args: Any, **_options: Any) -> None:
        return None


class _Http(urllib.request.HTTPHandler):
    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self._networks = networks

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Plain, networks=_unless_proxied(request, self._networks)), request)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self._networks = networks

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Secure, networks=_unless_proxied(request, self._networks)), request)


def _unless_proxied(request: urllib.request.Request, networks: Networks) -> Networks | None:
    """A proxy is the administrator's, named in the environment of this process, and may be anywhere."""
    through = request.has_proxy() or getattr(request, "_tunnel_host", None)
    return None if through else networks


class _Plain(http.client.HTTPConnection):
    def __init__(self, *args: Any, networks: Networks | None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._create_connection = partial(_connected, networks)


class _Secure(http.client.HTTPSConnection):
    """The certificate is checked against the name of the address, whatever it was resolved to."""

    def __init__(self, *args: Any, networks: Networks | None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._create_connection = partial(_connected, networks)


def _connected(networks: Networks | None, where: tuple[str, int], timeout: float, *_: Any) -> socket.socket:
    """What `socket.create_connection` does, to checked addresses only."""
    failure: OSError = OSError(f"{where[0]} has no address")
    for family, kind, protocol, _name, address in resolved(*where, networks):
        link = socket.socket(family, kind, protocol)
        try:
            link.settimeout(timeout)
            link.connect(address)
        except OSError as error:
            link.close()
            failure = error
            continue
        return link
    raise failure
