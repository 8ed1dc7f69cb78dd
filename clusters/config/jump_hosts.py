"""Jump hosts on the way to a machine: what may be written, as in OpenSSH's ProxyJump, and the way that comes of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.config.syntax import address_of, is_address_or_name
from clusters.config.yaml.tree import shown
from clusters.errors import ConfigError
from clusters.numbers import whole_number

if TYPE_CHECKING:
    from clusters.config.schema import Document, Host

NONE = "none"
"""Written in place of hops: the machine is reached directly, whatever counts for the others."""
SYNTAX = "user@bastion:22, several parted by commas: the first is the one that is reached first"
_HOP = re.compile(r"(?:(?P<user>[^@\s,/]+)@)?(?P<place>\[[^\]\s]*\]|[^@\s:,/]+|[0-9a-fA-F:.]+)(?::(?P<port>\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Hop:
    """One jump host. Without a `user` it is the machine's own."""

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
    """The jump hosts of a text, in the order in which they are passed; none for nothing and for `none`.

    Raises ConfigError with what cannot be read.
    """
    if text.strip().lower() in ("", NONE):
        return ()
    return tuple(_hop(part.strip()) for part in text.split(","))


def _hop(text: str) -> Hop:
    match = _HOP.fullmatch(text.removeprefix("ssh://").rstrip("/"))
    if match is None:
        raise ConfigError(f"{shown(text)} is no jump host.", hint=f"Write it like {SYNTAX}.")
    address, port = match["place"].strip("[]"), whole_number(match["port"] or "22") or 0
    if not is_address_or_name(address) or (match["place"].startswith("[") and address_of(address) is None):
        raise ConfigError(
            f"The jump host {shown(address)} is neither an IP address nor a host name.",
            hint=f"Write it like {SYNTAX}.",
        )
    if not 1 <= port <= 65535:
        raise ConfigError(f"Port {port} of the jump host {shown(address)} does not exist; allowed are 1 to 65535.")
    user = match["user"] or ""
    if user.startswith("-"):
        raise ConfigError(f"{shown(user)} cannot be the name of a user on the jump host {shown(address)}.")
    return Hop(address, port, user)


def reached(document: Document, host: Host) -> Host:
    """The machine with the jump host that counts for it: its own, or the document's; none where `none` is said."""
    own = host.jump_host.hops.strip()
    if own.lower() == NONE:
        return host.model_copy(update={"jump_host": type(host.jump_host)()})
    return host if own else host.model_copy(update={"jump_host": document.jump_host})


def way_to(host: Host) -> tuple[Hop, ...]:
    """The hops to a machine that `reached` gave; one that is a jump host itself is not reached through itself.

    Raises ConfigError.
    """
    hops = hops_of(host.jump_host.hops)
    here = (host.ssh_address.strip().lower(), host.port)
    for place, hop in enumerate(hops):
        if (hop.address.lower(), hop.port) == here:
            return hops[:place]
    return hops


def said(host: Host) -> str:
    """The way to a machine that `reached` gave, for people; empty when there are no jump hosts, as typed when wrong."""
    try:
        return " → ".join(str(hop) for hop in way_to(host))
    except ConfigError:
        return host.jump_host.hops
