"""Parses server addresses (URLs) in untrusted text without raising exceptions.

`urlsplit()` raises ValueError for `https://[::1`, and its `port` for `h:99999` and `h:x`; `tests/test_house_rules.py`
allows it only here.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

LONGEST_ADDRESS = 8_192
"""Characters. Signed redirect addresses have one or two thousand."""


class ServerAddress(NamedTuple):
    """The parts of a URL. `host` has no brackets, and is empty if there is none, as in `file:///x`."""

    scheme: str
    host: str
    port: int | None
    netloc: str
    path: str
    query: str
    user: str
    password: str


def read_address(text: str) -> ServerAddress | None:
    """The parts of a URL; None when its host or its port is invalid."""
    if len(text) > LONGEST_ADDRESS:
        return None
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if port == 0:
        return None
    user, password = parts.username or "", parts.password or ""
    return ServerAddress(parts.scheme, host, port, parts.netloc, parts.path, parts.query, user, password)


def host_of(text: str) -> str:
    """The host of a URL; empty when it has none or is invalid."""
    found = read_address(text)
    return found.host if found is not None else ""
