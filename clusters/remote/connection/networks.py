"""Networks: which addresses Slipway's own server may connect to, decided by address and never by name.

A name is resolved once, each of its addresses is checked, and the connection goes to a checked address. A name
that resolves to another address a moment later (DNS rebinding) changes nothing. What a jump host reaches behind it is
not decided here: the connection of Slipway's server ends at the jump host.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clusters.errors import InstallerError
from clusters.remote.errors import AddressRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Place = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]
"""An address as `socket.getaddrinfo` gives it."""

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
"""Private networks: RFC 1918, and the unique local addresses of RFC 4193. The word `private` stands for them."""

ALLOWED_SETTING = "SLIPWAY_ALLOWED_NETWORKS"
"""The setting for administrators; errors name it."""

LAST_PORT = 65535

# Refused whatever the setting contains: no machine of a cluster has these addresses. The metadata services are those of
# AWS (also for containers; all of its fd00:ec2::/32 are such services), Alibaba, Oracle, Azure, Google, Scaleway,
# Tencent and OpenStack (their manuals, 2025).
_METADATA = {
    "a metadata service of a cloud": (
        "169.254.169.254/32", "169.254.170.2/32", "169.254.170.23/32", "169.254.42.42/32", "169.254.0.23/32",
        "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32",
        "fd00:ec2::/32", "fd20:ce::254/128", "fd00:42::42/128", "fe80::a9fe:a9fe/128",
    ),
}  # fmt: skip
# Also refused: "this network" (on Linux 0.0.0.0 is loopback), multicast, reserved, broadcast, and IPv4 written as IPv6
# without a mapping (RFC 6890).
_NEVER = {"not the address of a single machine": ("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "ff00::/8", "::/96")}
# Refused unless the setting names them, or a part of them; a larger network such as 0.0.0.0/0 does not include them.
_BY_NAME = {
    "loopback": ("127.0.0.0/8", "::1/128"),
    "link-local": ("169.254.0.0/16", "fe80::/10", "fec0::/10"),
}
# IPv6 with an IPv4 address in its last 32 bits, which a gateway unpacks: NAT64 (RFC 6052), SIIT (RFC 2765).
_LAST_32_BITS = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::ffff:0:0:0/96"))
# Local-use NAT64 (RFC 8215). The place of the IPv4 address in it depends on the length of the prefix, which only its
# gateway knows: after 48, 56, 64 or 96 bits, around the reserved byte in the middle (RFC 6052, 2.2).
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
_PLACES = ((6, 7, 9, 10), (7, 9, 10, 11), (9, 10, 11, 12), (12, 13, 14, 15))
# How the last 64 bits of an ISATAP address begin, in any network (RFC 5214, 6.1).
_ISATAP = (bytes.fromhex("00005efe"), bytes.fromhex("02005efe"))
# Addresses that no machine has (RFC 5737, RFC 3849): a host that can bind these can bind any address.
_NOBODYS = {4: "192.0.2.1", 6: "2001:db8::1"}


class NetworksUnreadable(InstallerError):
    """A list of networks in the settings has a word that is not a network."""


def _read(words: Iterable[str]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(word) for word in words)


_METADATA_NETWORKS = {kind: _read(words) for kind, words in _METADATA.items()}
_NEVER_NETWORKS = {kind: _read(words) for kind, words in _NEVER.items()}
_BY_NAME_NETWORKS = {kind: _read(words) for kind, words in _BY_NAME.items()}


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks to which Slipway's server may connect; `setting` is where they come from."""

    allowed: tuple[Network, ...]
    setting: str = ALLOWED_SETTING

    @classmethod
    def of(cls, words: Iterable[str], setting: str = ALLOWED_SETTING) -> Networks:
        """Networks or addresses, and `private` for all private ones. Raises NetworksUnreadable."""
        allowed: list[Network] = []
        for word in words:
            try:
                allowed += _read(PRIVATE if word.lower() == "private" else (word,))
            except ValueError as error:
                raise NetworksUnreadable(
                    f"{setting} contains {word[:64]!r}; expected a network, an address or the word private.",
                    hint="Enter networks like 10.0.0.0/8, with zeros after the prefix.",
                ) from error
        return cls(tuple(allowed), setting)

    def refusal(self, text: str) -> str:
        """Why Slipway does not connect to an IP address, such as "loopback"; empty when it is allowed."""
        address = _plain(ipaddress.ip_address(text.partition("%")[0]))
        for each in (address, *_carried(address)):
            if kind := _kind(each, _METADATA_NETWORKS):
                return kind
            if kind := _kind(each, _BY_NAME_NETWORKS):
                if not self._names(each):
                    return kind
            elif kind := _kind(each, _NEVER_NETWORKS):
                return kind
        if not any(_inside(address, network) for network in self.allowed):
            return "in none of the allowed networks"
        for each in (address, *_carried(address)):
            if not _kind(each, _BY_NAME_NETWORKS) and is_own(each) and not self._names_one(each):
                return "an address of the machine where Slipway runs"
        return ""

    def covers(self, network: Network) -> bool:
        """Whether a network is part of an allowed one; single addresses in it may still be refused."""
        return any(_part_of(network, allowed) for allowed in self.allowed)

    def error(self, name: str, address: str, reason: str) -> AddressRefused:
        """The error for a person whose machine, or webhook, has a refused address."""
        what = f"{name} is {address}, which is {reason}" if name != address else f"{address} is {reason}"
        hint = (
            "No setting allows it. Enter the machine's own address."
            if reason in (*_METADATA, *_NEVER)
            else f"An administrator can allow it: {self.setting} lists the allowed networks; loopback, link-local"
            " and Slipway's own addresses must be listed individually."
        )
        return AddressRefused(f"{what}; Slipway does not connect to it.", hint=hint)

    def _names_one(self, address: Address) -> bool:
        """Whether an entry is exactly this address."""
        return any(network.num_addresses == 1 and _inside(address, network) for network in self.allowed)

    def _names(self, address: Address) -> bool:
        """Whether an entry within a special network contains the address."""
        special = [network for networks in _BY_NAME_NETWORKS.values() for network in networks]
        named = [each for each in self.allowed if any(_part_of(each, network) for network in special)]
        return any(_inside(address, each) for each in named)


def resolve(name: str, port: int, networks: Networks | None) -> list[Place]:
    """The addresses of a name at a port, without those that `networks` refuses; with None all of them.

    Raises AddressRefused when none is left or the port does not exist, and what getaddrinfo raises.
    """
    if not 1 <= port <= LAST_PORT:
        raise AddressRefused(f"Port {port} of {name} does not exist; allowed: 1 to {LAST_PORT}.")
    places: list[Place] = list(socket.getaddrinfo(name, port, type=socket.SOCK_STREAM))
    if networks is None:
        return places
    refused = {place[4][0]: networks.refusal(place[4][0]) for place in places}
    allowed = [place for place in places if not refused[place[4][0]]]
    if not allowed:
        address, reason = next(iter(refused.items()))
        raise networks.error(name, address, reason)
    return allowed


def is_own(address: Address) -> bool:
    """Whether the address belongs to the machine on which this process runs. Nothing is sent."""
    if not _can_bind(str(address)):
        return False
    if not _can_bind(_NOBODYS[address.version]):
        return True
    # net.ipv4.ip_nonlocal_bind is on, so binding proves nothing: for its own address the kernel uses the same source.
    with socket.socket(_family(address), socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(address), 9))
        except OSError:
            return False
        return str(probe.getsockname()[0]) == str(address)


def _can_bind(address: str) -> bool:
    with socket.socket(_family(ipaddress.ip_address(address)), socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _family(address: Address) -> socket.AddressFamily:
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def _plain(address: Address) -> Address:
    """An IPv4 address written as ::ffff:10.0.0.1 is that IPv4 address, also for the kernel."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _carried(address: Address) -> Iterator[Address]:
    """IPv4 addresses inside an IPv6 address, to which a gateway on the route, or the kernel, would connect."""
    if not isinstance(address, ipaddress.IPv6Address):
        return
    packed = address.packed
    if packed[8:12] in _ISATAP or any(address in network for network in _LAST_32_BITS):
        yield ipaddress.IPv4Address(packed[12:])
    if address in _LOCAL_NAT64:
        # The unused places are mostly zeros, and no machine has an address that begins with a zero.
        found = (bytes(packed[place] for place in places) for places in _PLACES)
        yield from (ipaddress.IPv4Address(each) for each in found if each[0])
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo


def _kind(address: Address, kinds: dict[str, tuple[Network, ...]]) -> str:
    return next((kind for kind, all_of in kinds.items() if any(_inside(address, each) for each in all_of)), "")


def _inside(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network


def _part_of(network: Network, other: Network) -> bool:
    if isinstance(network, ipaddress.IPv4Network):
        return isinstance(other, ipaddress.IPv4Network) and network.subnet_of(other)
    return isinstance(other, ipaddress.IPv6Network) and network.subnet_of(other)
