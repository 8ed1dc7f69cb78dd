"""Jump hosts of a machine: their syntax, as in OpenSSH's ProxyJump, and the resulting route."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.config.syntax import address_of, is_address_or_name
from clusters.config.yaml.tree import excerpt
from clusters.errors import ConfigError
from clusters.numbers import whole_number

if TYPE_CHECKING:
    from clusters.config.schema import Document, Host

NONE = "none"
"""Written instead of hops: the machine is reached directly, even if others have a jump host."""
SYNTAX = "user@bastion:22; separate several with commas, in the order in which they are used"
_HOP = re.compile(r"(?:(?P<user>[^@\s,/]+)@)?(?P<place>\[[^\]\s]*\]|[^@\s:,/]+|[0-9a-fA-F:.]+)(?::(?P<port>\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Hop:
    """One jump host. Without a `user`, the machine's user is used."""

    address: str
    port: int = 22
    user: str = ""

    @property
    def place(self) -> str:
        """Address and port."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    def __str__(self) -> str:
        return f"{self.user}@{self.place}" if self.user else self.place


def hops_of(text: str) -> tuple[Hop, ...]:
    """The jump hosts of a text, in the order of the route; empty for an empty text and for `none`.

    Raises ConfigError for invalid syntax.
    """
    if text.strip().lower() in ("", NONE):
        return ()
    return tuple(_hop(part.strip()) for part in text.split(","))


def _hop(text: str) -> Hop:
    match = _HOP.fullmatch(text.removeprefix("ssh://").rstrip("/"))
    if match is None:
        raise ConfigError(f"{excerpt(text)} is not a jump host.", hint=f"Write it like {SYNTAX}.")
    address, port = match["place"].strip("[]"), whole_number(match["port"] or "22") or 0
    if not is_address_or_name(address) or (match["place"].startswith("[") and address_of(address) is None):
        raise ConfigError(
            f"The jump host {excerpt(address)} is neither an IP address nor a host name.",
            hint=f"Write it like {SYNTAX}.",
        )
    if not 1 <= port <= 65535:
        raise ConfigError(f"{port} is not a valid port for the jump host {excerpt(address)}; allowed: 1 to 65535.")
    user = match["user"] or ""
    if user.startswith("-"):
        raise ConfigError(f"{excerpt(user)} is not a valid user name for the jump host {excerpt(address)}.")
    return Hop(address, port, user)


def reached(document: Document, host: Host) -> Host:
    """The machine with its effective jump host: its own, or the document's; empty for `none`."""
    own = host.jump_host.hops.strip()
    if own.lower() == NONE:
        return host.model_copy(update={"jump_host": type(host.jump_host)()})
    return host if own else host.model_copy(update={"jump_host": document.jump_host})


def route_to(host: Host) -> tuple[Hop, ...]:
    """The hops to a machine from `reached`; a jump host is not reached through itself.

    Raises ConfigError.
    """
    hops = hops_of(host.jump_host.hops)
    here = (host.ssh_address.strip().lower(), host.port)
    for place, hop in enumerate(hops):
        if (hop.address.lower(), hop.port) == here:
            return hops[:place]
    return hops


def route_text(host: Host) -> str:
    """The route to a machine from `reached`, as text; empty without jump hosts, as typed when invalid."""
    try:
        return " → ".join(str(hop) for hop in route_to(host))
    except ConfigError:
        return host.jump_host.hops
