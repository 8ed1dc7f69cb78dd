"""Which machines must reach each other: the TCP connections between machines that a cluster requires.

Source: "Ports and Protocols" in Kubernetes' documentation, and the requirements of each network plugin (`networks`).
Tunnels and DNS use UDP, which cannot be tested before a service answers; these ports are not listed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.catalog.networks.needs import ports_between
from clusters.config.topology import api_port, members
from clusters.remote.dial import DIAL_SECONDS, dial_command, read_dials

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from clusters.config.schema import Document, Host
    from clusters.engine.machine import Machine
    from clusters.remote.dial import Dial

KUBELET = 10250
STATIC_ETCD_CLIENTS, STATIC_ETCD_PEERS = 2379, 2380
"""The ports of an etcd that kubeadm runs."""

NEIGHBOURS = 8
"""How many nodes each node tries on ports that all nodes open to each other: those after it in the document, so that
every node is tried equally often. Up to nine nodes these are all; a thousand nodes would need a million connections."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A connection that must be possible: to which machine, at which address and port, and for which purpose."""

    target: str
    address: str
    port: int
    purpose: str


def flows_from(document: Document, name: str) -> tuple[Flow, ...]:
    """Every connection that the machine of that name must be able to open to others, once each."""
    masters, nodes = members(document, "master"), members(document, "kubernetes")
    found = [
        *_to_control_planes(document, name, masters, nodes),
        *_to_etcd(document, name, masters),
        *_of_the_plugin(document, name, masters, nodes),
    ]
    return tuple(dict.fromkeys(flow for flow in found if flow.target != name))


def dialled(
    machine: Machine, places: Collection[tuple[str, int]], *, seconds: int = DIAL_SECONDS
) -> tuple[Dial, ...] | None:
    """Try these addresses and ports from a machine, at the same time; None where it lacks a program for that."""
    answer = machine.ask(dial_command(places, seconds=seconds))
    return read_dials(answer.stdout, places)


def lead_by_document(document: Document, name: str) -> str:
    """The address to which dns.nodeEtcHosts will resolve a name; empty when it has no such line."""
    for line in document.dns.node_etc_hosts.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if name in names:
            return address
    return ""


def _to_control_planes(document: Document, name: str, masters: Iterable[Host], nodes: Iterable[Host]) -> Iterator[Flow]:
    """Nodes connect to API servers; API servers connect to every kubelet for logs and for `exec`."""
    if any(host.name == name for host in nodes):
        yield from (_flow(host, api_port(document), "API server") for host in masters)
    if any(host.name == name for host in masters):
        yield from (_flow(host, KUBELET, "kubelet") for host in nodes)


def _to_etcd(document: Document, name: str, masters: tuple[Host, ...]) -> Iterator[Flow]:
    """API servers connect to every member, and members to each other."""
    places = etcd_places(document)
    member = any(place[0] == name for place in places)
    clients = document.etcd.port if document.etcd.type == "kubekey" else STATIC_ETCD_CLIENTS
    if member or any(host.name == name for host in masters):
        yield from (Flow(target, address, clients, "etcd's clients") for target, address, _ in places)
    if member:
        yield from (Flow(target, address, peers, "etcd's members") for target, address, peers in places)


def etcd_places(document: Document) -> tuple[tuple[str, str, int], ...]:
    """Name, address and peer port of every machine on which etcd will run; empty for an external etcd."""
    group = {"kubekey": "etcd", "kubeadm": "master"}.get(document.etcd.type, "")
    port = document.etcd.peer_port if group == "etcd" else STATIC_ETCD_PEERS
    return tuple((host.name, host.node_addresses[0], port) for host in members(document, group) if host.node_addresses)


def _of_the_plugin(document: Document, name: str, masters: tuple[Host, ...], nodes: tuple[Host, ...]) -> Iterator[Flow]:
    """Connections between the network plugin's pods, which use the machines' own addresses."""
    plugin, ports = document.network.plugin, ports_between(document)
    yield from (_flow(host, port, plugin) for port in ports.nodes for host in _neighbours(nodes, name))
    if any(host.name == name for host in nodes):
        yield from (_flow(host, port, plugin) for port in ports.central for host in masters)
    if any(host.name == name for host in masters):
        yield from (_flow(host, port, plugin) for port in ports.among_central for host in masters)


def _neighbours(nodes: tuple[Host, ...], name: str) -> Iterator[Host]:
    at = next((number for number, host in enumerate(nodes) if host.name == name), None)
    if at is not None:
        yield from (nodes[(at + step) % len(nodes)] for step in range(1, min(NEIGHBOURS, len(nodes) - 1) + 1))


def _flow(host: Host, port: int, purpose: str) -> Flow:
    return Flow(host.name, (host.node_addresses or ("",))[0], port, purpose)
