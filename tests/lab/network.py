"""The lab's network: one bridge, and for every host a network namespace with a cable to that bridge."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass

from tests.lab.commands import LabError, run

# The kernel's limit for the name of an interface (IFNAMSIZ less the closing zero).
NAME_LENGTH = 15


@dataclass(frozen=True, slots=True)
class Network:
    """The bridge of the lab `name` and its addresses: `prefix`.1 is this machine's, hosts start at `prefix`.11."""

    name: str
    prefix: str

    @property
    def bridge(self) -> str:
        """The name of the bridge."""
        return f"br-{self.name}"

    @property
    def gateway(self) -> str:
        """This machine's address on the bridge."""
        return f"{self.prefix}.1"

    def address(self, number: int) -> str:
        """The address of the host with this number, counted from 1."""
        return f"{self.prefix}.{10 + number}"

    def address6(self, number: int) -> str:
        """The IPv6 address of the same host, made of the same numbers."""
        return f"fd00:{self.prefix.replace('.', ':')}::{10 + number}"

    @property
    def gateway6(self) -> str:
        """The hosts' IPv6 gateway. Nothing answers there, as nothing is behind the other gateway."""
        return f"fd00:{self.prefix.replace('.', ':')}::1"

    def namespace(self, host: str) -> str:
        """The name of a host's network namespace."""
        return f"{self.name}-{host}"

    def cable(self, host: str) -> str:
        """This machine's end of a host's cable."""
        name = f"{self.name}-{host}"
        if len(name) > NAME_LENGTH:
            raise LabError(
                f"the interface name {name} is longer than {NAME_LENGTH}", hint="Give the lab a shorter name."
            )
        return name


def _links() -> dict[str, dict[str, object]]:
    return {link["ifname"]: link for link in json.loads(run(["ip", "-json", "link", "show"]))}


def _namespaces() -> set[str]:
    listed = run(["ip", "-json", "netns", "list"]).strip()
    return {entry["name"] for entry in json.loads(listed or "[]")}


def _batch(*lines: str) -> None:
    run(["ip", "-batch", "-"], stdin="".join(f"{line}\n" for line in lines))


def make_bridge(network: Network) -> None:
    """Make the bridge, unless it exists."""
    present = _links()
    if network.bridge not in present:
        _refuse_a_foreign_network(network)
        _batch(f"link add {network.bridge} type bridge", f"address add {network.gateway}/24 dev {network.bridge}")
    _batch(f"link set {network.bridge} up")


def _refuse_a_foreign_network(network: Network) -> None:
    """Raise LabError when this machine already has a route to the lab's addresses: the lab would break it."""
    wanted = ipaddress.ip_network(f"{network.prefix}.0/24")
    for route in json.loads(run(["ip", "-json", "route", "show"]) or "[]"):
        if route["dst"] != "default" and wanted.overlaps(ipaddress.ip_network(route["dst"])):
            raise LabError(
                f"{wanted} is already reached through {route['dev']}",
                hint="Set SLIPWAY_LAB_PREFIX to three numbers of a free network, for example 10.97.0.",
            )


def attach(network: Network, host: str, number: int) -> None:
    """Give a host its namespace, address and cable; leftovers of an earlier host of that name are replaced."""
    detach(network, host)
    space, cable, address = network.namespace(host), network.cable(host), network.address(number)
    # The same MAC address every time: after a cold start the others still find the host.
    card = "02:00:" + ":".join(f"{int(part):02x}" for part in address.split("."))
    _batch(f"netns add {space}", f"link add {cable} type veth peer name eth0 address {card} netns {space}")
    _batch(f"link set {cable} master {network.bridge} up")
    run(
        ["ip", "-netns", space, "-batch", "-"],
        stdin=f"address add {address}/24 dev eth0\naddress add {network.address6(number)}/64 dev eth0 nodad\n"
        f"link set eth0 up\nlink set lo up\n"
        f"route add default via {network.gateway}\nroute add default via {network.gateway6}\n",
    )


def detach(network: Network, host: str) -> None:
    """Remove a host's cable and namespace, if they exist."""
    if network.cable(host) in _links():
        _batch(f"link delete {network.cable(host)}")
    if network.namespace(host) in _namespaces():
        _batch(f"netns delete {network.namespace(host)}")


def set_cable(network: Network, host: str, *, plugged: bool) -> None:
    """Pull a host's cable or plug it in again."""
    _batch(f"link set {network.cable(host)} {'up' if plugged else 'down'}")


def is_plugged(network: Network, host: str) -> bool:
    """Whether the host has a cable that is plugged in."""
    link = _links().get(network.cable(host), {})
    flags = link.get("flags")
    return isinstance(flags, list) and "UP" in flags


def remove(network: Network) -> None:
    """Remove everything with the lab's name, also leftovers of other processes."""
    for name in _namespaces():
        if name.startswith(f"{network.name}-"):
            _batch(f"netns delete {name}")
    for name in _links():
        if name == network.bridge or name.startswith(f"{network.name}-"):
            _batch(f"link delete {name}")
