"""The syntax of names, addresses and networks, and suggestions for misspelled words."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from clusters.addresses import read_address
from clusters.config.secrets.finder import secret_spans
from clusters.config.suggestions import nearest

if TYPE_CHECKING:
    from collections.abc import Collection

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LONGEST_ADDRESS = 100
"""Characters: an IPv6 address has at most 45, and a zone."""
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")

NAME_RULE = "Use lower case letters, digits and '-'; start and end with a letter or digit; separate parts with dots."


def is_domain(text: str, longest: int = 253) -> bool:
    """Whether this is a DNS subdomain in lower case. Source: RFC 1123, as Kubernetes applies it."""
    return len(text) <= longest and all(_LABEL.fullmatch(part) for part in text.split("."))


def tidied(text: str) -> str:
    """A similar text that is a DNS subdomain, for "did you mean"; empty if there is none, and for a secret."""
    if secret_spans(text):
        return ""
    parts = (re.sub(r"[^a-z0-9-]+", "-", part).strip("-") for part in text.lower().strip().split("."))
    return ".".join(part for part in parts if part)[:63].rstrip("-.")


def address_of(text: str) -> Address | None:
    """The IP address, or None when the text is not one."""
    return _address_of(text) if len(text) <= _LONGEST_ADDRESS else None


@lru_cache(maxsize=16_384)
def _address_of(text: str) -> Address | None:
    """Cached, because several rules read the address of each of thousands of machines."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def in_url(address: str) -> str:
    """An address or name for use in a URL: an IPv6 address in brackets."""
    return f"[{address}]" if ":" in address else address


def network_of(text: str) -> Network | None:
    """The network with host bits cleared, or None when the text is not one. The /length is required."""
    if "/" not in text:
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def as_networks(text: str) -> str:
    """The text with a network in place of an address in it: 10.10.11.0/22 means 10.10.8.0/22."""
    parts = text.split(",")
    found = [_as_network(part) for part in parts]
    return text if found == parts else ",".join(found)


def _as_network(part: str) -> str:
    network = network_of(part.strip())
    if network is None or address_of(part.strip().partition("/")[0]) == network.network_address:
        return part
    return str(network)


def is_address_or_name(text: str) -> bool:
    """Whether SSH could connect to it. Numbers with dots must be an address: 10.0.0.300 is not a host name."""
    if address_of(text) is not None:
        return True
    return is_domain(text.lower()) and re.fullmatch(r"[0-9.]+", text) is None


def is_label_key(text: str) -> bool:
    """Whether this is a valid key of a node label. Source: Kubernetes' label syntax."""
    prefix, slash, name = text.rpartition("/")
    return bool(name) and _LABEL_VALUE.fullmatch(name) is not None and (not slash or is_domain(prefix))


def is_label_value(text: str) -> bool:
    """Whether this is a valid value of a node label."""
    return _LABEL_VALUE.fullmatch(text) is not None


def did_you_mean(text: str, allowed: Collection[str]) -> str:
    """`Did you mean x?`, or the list of allowed words; empty when nothing is allowed, or too much to list."""
    close = nearest(text.lower(), allowed, 0.6)
    if close:
        return f"Did you mean {close}?"
    listed = [word for word in allowed if word]
    return f"Allowed: {', '.join(listed)}." if 0 < len(listed) <= 10 else ""


_SWITCHES = dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True) | dict.fromkeys(
    ("0", "f", "F", "false", "FALSE", "False"), False
)


def switch_of(text: str) -> bool | None:
    """The value of a boolean Kubernetes flag; None if it is not boolean. Source: ParseBool of Go's strconv."""
    return _SWITCHES.get(text)


def parts_of(text: str) -> tuple[str, ...]:
    """The parts of a dual-stack pair, or the text as one part."""
    return tuple(part.strip() for part in text.split(","))


_URL = re.compile(r"(https?)://(\[[0-9a-fA-F:]+\]|[^\s/:@\[\]]+)(:\d{1,5})?(/\S*)?")


def is_url(text: str, schemes: tuple[str, ...] = ("http", "https")) -> bool:
    """Whether this is a URL with one of the schemes, without user and password."""
    match = _URL.fullmatch(text)
    return match is not None and match[1] in schemes and read_address(text) is not None


def is_absolute(path: str) -> bool:
    """Whether this is an absolute path of a directory below /."""
    return path.startswith("/") and path.rstrip("/") != "" and ".." not in path.split("/")
