"""address_of(): the client address of a request, also behind proxies, of which only configured ones are trusted."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from django.http import HttpRequest

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MOST_HOPS = 20
"""Entries of X-Forwarded-For that are read, from the right."""


def address_of(request: HttpRequest) -> str:
    """The client's address; "" when it has none (a Unix socket).

    X-Forwarded-For grows to the right: each proxy appends its client's address, and a client can send any beginning.
    So it is read from the right, as long as the sender is in one of `SLIPWAY_TRUSTED_PROXIES`. Reading stops at an
    entry that is not an address: the proxy before it counts as the client.
    """
    return address_from(request.META.get("REMOTE_ADDR") or "", request.headers.get("X-Forwarded-For", ""))


def address_from(remote: str, forwarded: str) -> str:
    """The same from the sender's address and the value of X-Forwarded-For."""
    client = _parse(remote)
    if client is None:
        return ""
    hops = forwarded.split(",")[-MOST_HOPS:]
    while hops and _is_proxy(client):
        before = _parse(hops.pop())
        if before is None:
            break
        client = before
    return str(client)


def _is_proxy(address: Address) -> bool:
    return any(address in network for network in settings.SLIPWAY_TRUSTED_PROXIES)


def _parse(text: str) -> Address | None:
    """An address, with or without a port; IPv4-mapped IPv6 becomes IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
