"""Posting to webhooks: one request to an address of the settings, connected only where webhooks may be."""

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
"""Bytes of an answer that are read; nothing in it is used."""


class PostRefused(RemoteError):
    """The receiver did not take it, or the address is not that of a webhook."""

    retryable = True


def post(url: str, body: bytes, headers: Mapping[str, str], *, networks: Networks, seconds: float) -> None:
    """Post to a webhook, without following redirects; `seconds` bound all of it, however slowly the receiver sends.

    The host's name is resolved once and every address checked (`clusters.remote.connection.networks`). Where the
    environment names a proxy for the address, the proxy connects, so that what it reaches is decided there.

    Raises PostRefused, AddressRefused, and what the connection raises (OSError, HTTPException).
    """
    if not url.startswith(("https://", "http://")):
        raise PostRefused("The address of a webhook begins with https:// or http://; this one does not.")
    if not host_of(url):
        raise PostRefused("The address of a webhook names a host; this one does not, or cannot be read.")
    request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310 - checked above
    try:
        answer = opener(Pace(seconds), _NoDetours, networks=networks).open(request)
    except urllib.error.HTTPError as error:
        with error:
            raise PostRefused(f"The receiver answered {error.code}.") from None
    # It was taken; a body that does not come changes nothing.
    with answer, suppress(OSError, HTTPException):
        answer.read(MOST_OF_ANSWER)


class _NoDetours(urllib.request.HTTPRedirectHandler):
    """A redirect would carry what is sent to a place that nobody named."""

    def redirect_request(self, *_args: Any, **_options: Any) -> None:
        return None
