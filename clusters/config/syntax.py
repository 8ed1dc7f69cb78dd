"""What names, addresses and networks look like, and the nearest of some allowed words."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from clusters.addresses import read_address
from clusters.config.secrets.finder import secret_spans
from clusters.config.suggestions import nearest

if TYPE_CHECKING:
    from collections.abc import Collection

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")

NAME_RULE = "Lower case letters, digits and '-', beginning and ending with a letter or digit, parts joined by dots."


def is_domain(text: str, longest: int = 253) -> bool:
    """Whether this is a DNS subdomain in lower case. Source: RFC 1123, as Kubernetes applies it."""
    return len(text) <= longest and all(_LABEL.fullmatch(part) for part in text.split("."))


def tidied(text: str) -> str:
    """The nearest text that is a DNS subdomain, for "did you mean"; empty for nothing, and for a secret."""
    if secret_spans(text):
        return ""
    parts = (re.sub(r"[^a-z0-9-]+", "-", part).strip("-") for part in text.lower().strip().split("."))
    return ".".join(part for part in parts if part)[:63].rstrip("-.")


def address_of(text: str) -> Address | None:
    """The IP address, or None when it is none."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def in_url(address: str) -> str:
    """An address or name as it stands in a URL: an IPv6 address in brackets."""
    return f"[{address}]" if ":" in address else address


def network_of(text: str) -> Network | None:
    """The network, host bits cleared, or None when it is none. A network always has its /length written."""
    if "/" not in text:
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def is_address_or_name(text: str) -> bool:
    """Whether SSH could go there. Four numbers with dots have to be an address: 10.0.0.300 is no host name."""
    if address_of(text) is not None:
        return True
    return is_domain(text.lower()) and re.fullmatch(r"[0-9.]+", text) is None


def is_label_key(text: str) -> bool:
    """Whether this can be the key of a node label. Source: Kubernetes' syntax of labels."""
    prefix, slash, name = text.rpartition("/")
    return bool(name) and _LABEL_VALUE.fullmatch(name) is not None and (not slash or is_domain(prefix))


def is_label_value(text: str) -> bool:
    """Whether this can be the value of a node label."""
    return _LABEL_VALUE.fullmatch(text) is not None


def did_you_mean(text: str, allowed: Collection[str]) -> str:
    """`Did you mean x?`, or the list of what is allowed."""
    close = nearest(text.lower(), allowed, 0.6)
    if close:
        return f"Did you mean {close}?"
    return f"Allowed: {', '.join(allowed)}." if len(allowed) <= 10 else ""


_SWITCHES = dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True) | dict.fromkeys(
    ("0", "f", "F", "false", "FALSE", "False"), False
)


def switch_of(text: str) -> bool | None:
    """What a flag of Kubernetes takes for true or false, None for neither. Source: ParseBool of Go's strconv."""
    return _SWITCHES.get(text)


def parts_of(text: str) -> tuple[str, ...]:
    """The parts of a dual-stack pair, or the text alone."""
    return tuple(part.strip() for part in text.split(","))


_URL = re.compile(r"(https?)://(\[[0-9a-fA-F:]+\]|[^\s/:@\[\]]+)(:\d{1,5})?(/\S*)?")


def is_url(text: str, schemes: tuple[str, ...] = ("http", "https")) -> bool:
    """Whether this is a URL of one of the schemes, without a user and a password in it."""
    match = _URL.fullmatch(text)
    return match is not None and match[1] in schemes and read_address(text) is not None


def is_absolute(path: str) -> bool:
    """Whether this is a directory below / by its full name."""
    return path.startswith("/") and path.rstrip("/") != "" and ".." not in path.split("/")
