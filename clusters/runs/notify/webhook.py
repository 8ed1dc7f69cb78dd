"""post(): sends one signed message to a webhook from the settings; the caller handles failures."""

from __future__ import annotations

import hashlib
import hmac

from django.utils import timezone

from clusters.remote.http import posting
from clusters.runs.access.targets import webhook_networks

TIMEOUT_SECONDS = 15
"""Limit of the whole request, however slowly the receiver answers."""


def post(address: str, secret: str, body: bytes, key: str) -> None:
    """POST this JSON; `key` is the same for each try. Raises PostRefused, AddressRefused, OSError or HTTPException."""
    at = str(int(timezone.now().timestamp()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Slipway",
        "X-Slipway-Delivery": key,
        "X-Slipway-Time": at,
    }
    if signed := signature(body, at, secret):
        headers["X-Slipway-Signature"] = signed
    posting.post(address, body, headers, networks=webhook_networks(), seconds=TIMEOUT_SECONDS)


def signature(body: bytes, at: str, secret: str) -> str:
    """HMAC-SHA256 over the time, a dot and the body, in hexadecimal; empty without a secret."""
    if not secret:
        return ""
    return "sha256=" + hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
