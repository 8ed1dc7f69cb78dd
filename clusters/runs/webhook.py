"""post(): one signed message to a webhook; whoever sends decides what follows a failure."""

from __future__ import annotations

import hashlib
import hmac
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from django.utils import timezone

if TYPE_CHECKING:
    from http.client import HTTPResponse

# Seconds that a receiver has to answer.
PATIENCE_SECONDS = 15


class NotDelivered(Exception):
    """The receiver did not take it."""


def post(setting: str, address: str, secret: str, body: bytes, key: str) -> None:
    """POST this JSON to `address`, which the setting of that name holds; `key` is the same for each try.

    Raises NotDelivered, OSError, HTTPException or ValueError.
    """
    if not address.startswith(("https://", "http://")):
        raise NotDelivered(f"{setting} is no http(s) address.")
    at = str(int(timezone.now().timestamp()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Slipway",
        "X-Slipway-Delivery": key,
        "X-Slipway-Time": at,
    }
    if signed := signature(body, at, secret):
        headers["X-Slipway-Signature"] = signed
    request = urllib.request.Request(address, data=body, headers=headers, method="POST")  # noqa: S310 - checked above
    opener = urllib.request.build_opener(_NoDetours)
    try:
        answer: HTTPResponse
        with opener.open(request, timeout=PATIENCE_SECONDS) as answer:
            answer.read(1024)
    except urllib.error.HTTPError as error:
        with error:
            raise NotDelivered(f"The receiver answered {error.code}.") from None


def signature(body: bytes, at: str, secret: str) -> str:
    """HMAC-SHA256 over the time, a dot and the body, in hexadecimal; empty without a secret."""
    if not secret:
        return ""
    return "sha256=" + hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


class _NoDetours(urllib.request.HTTPRedirectHandler):
    """A redirect would carry what is said to a place that nobody named."""

    def redirect_request(self, *_args: Any, **_options: Any) -> None:
        return None
