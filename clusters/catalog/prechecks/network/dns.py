"""os.resolver: the name servers that CoreDNS takes over from the machine."""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import TYPE_CHECKING

from clusters.catalog.resolvers import configured_resolv_conf, resolv_conf_of
from clusters.config.syntax import address_of
from clusters.engine.check import error, precheck, warning
from clusters.remote.facts import RESOLV_CONF, RESOLVED_CONF
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


MOST_SERVERS = 3
"""kubelet gives pods the first three. Source: Kubernetes' constant MaxDNSNameservers."""
UPSTREAM_HINT = "Or name servers in dns.coredns.upstreamDNSServers."
EMPTY_RESOLV_CONF = ("127.0.0.1",)
"""Pods get this name server when resolvConf is empty. Source: GetPodDNS of the kubelet."""


def uses_machine_resolvers(document: Document) -> bool:
    """Whether CoreDNS uses the machine's name servers, not the document's."""
    return not document.dns.coredns.upstream_dns_servers


@precheck("os.resolver", on="kubernetes")
def resolver(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The machine has name servers that pods can reach"""
    file = resolv_conf_of(machine.facts, cluster.document)
    servers = _servers(machine, file)
    if servers is None:
        # Also where CoreDNS queries the document's servers: kubelet reads the file for every pod.
        yield error(
            f"{machine.name} has no {file}, from which kubelet takes the name servers of pods; it starts no pod.",
            hint="Create it with a line such as nameserver 192.0.2.53, for a server that answers."
            f"{_resolv_conf_hint(configured_resolv_conf(cluster.document))}",
        )
        return
    if not uses_machine_resolvers(cluster.document):
        return
    usable = [each for each in servers if address_of(each) is not None][:MOST_SERVERS]
    loops = [each for each in usable if _is_loopback(each)]
    if not usable:
        yield error(
            f"{file} on {machine.name} names no name server; CoreDNS does not start without one, and pods have no DNS.",
            hint=f"Add a nameserver line to {file}, for a server that answers. {UPSTREAM_HINT}",
        )
    elif loops:
        finding = error if len(loops) == len(usable) else warning
        only = "only " if finding is error else ""
        ends = "detect the loop and exit" if only else "may exit when it detects a loop"
        yield finding(
            f"{file or 'An empty resolvConf'} on {machine.name} names {only}{', '.join(loops)}: inside its pod "
            f"CoreDNS would query itself and {ends}.",
            hint="Set resolvConf in kubernetes.kubeletConfiguration to a file with real servers "
            f"({RESOLVED_CONF} with systemd-resolved), or name them in dns.coredns.upstreamDNSServers.",
        )


def _servers(machine: Machine, file: str) -> tuple[str, ...] | None:
    """The name servers in a file of the machine, None where it cannot be read."""
    if not file:
        return EMPTY_RESOLV_CONF
    if file in (RESOLV_CONF, RESOLVED_CONF):
        return machine.facts.servers_in(file)
    answer = machine.ask(sh("head -c 8192 {}", file))
    lines = [line.split() for line in answer.stdout.splitlines()]
    return tuple(line[1] for line in lines if len(line) > 1 and line[0] == "nameserver") if answer.ok else None


def _is_loopback(server: str) -> bool:
    """Whether this address is the machine itself; Linux treats 0.0.0.0 and :: like that, too."""
    address = address_of(server)
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    return address is not None and (address.is_loopback or address.is_unspecified)


def _resolv_conf_hint(configured: str | None) -> str:
    return " Or correct resolvConf in kubernetes.kubeletConfiguration." if configured is not None else ""
