"""Posting to webhooks: one request to an address from the settings, only into the networks allowed for webhooks."""

from __future__ import annotations

import urllib.error
import urllib.request
from contextlib import suppress
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from clusters.addresses import host_of
from clusters.errors import RemoteError
from clusters.remote.http.pace import Pace, opener

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.remote.connection.networks import Networks

MOST_OF_ANSWER = 1024
"""Bytes of a response that are read; its content is not used."""


class PostRefused(RemoteError):
    """The receiver did not accept it, or the address is not one of a webhook."""

    retryable = True


def post(url: str, body: bytes, headers: Mapping[str, str], *, networks: Networks, seconds: float) -> None:
    """Post to a webhook, without following redirects; `seconds` limits all of it, however slowly the receiver sends.

    The host's name is resolved once and every address checked (`clusters.remote.connection.networks`). Where the
    environment names a proxy for the address, the proxy connects, and decides what can be reached.

    Raises PostRefused, AddressRefused, and what the connection raises (OSError, HTTPException).
    """
    if not url.startswith(("https://", "http://")):
        raise PostRefused("The address of a webhook must begin with https:// or http://.")
    if not host_of(url):
        raise PostRefused("The address of a webhook must name a host; this one names none, or cannot be read.")
    request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310 - checked above
    try:
        answer = opener(Pace(seconds), _NoDetours, networks=networks).open(request)
    except urllib.error.HTTPError as error:
        with error:
            raise PostRefused(f"The receiver answered {error.code}.") from None
    # The message was accepted; a missing body changes nothing.
    with answer, suppress(OSError, HTTPException):
        answer.read(MOST_OF_ANSWER)


class _NoDetours(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it would carry the message to an address that nobody configured."""

    def redirect_request(self, *_args: Any, **_options: Any) -> None:
        return None
