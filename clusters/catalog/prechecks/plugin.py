"""net.plugin_*, net.rp_filter, net.same_subnet: what the network plugin requires of a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.networks.needs import needs_of, sends_directly
from clusters.catalog.paths import CLAIM
from clusters.catalog.plugins import plugin_of
from clusters.config.plugins import releases_of
from clusters.engine.check import error, precheck
from clusters.numbers import hexadecimal
from clusters.remote.shell import sh, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


def runs_in_pods(document: Document) -> bool:
    """Whether the plugin runs in pods, and so opens ports."""
    return bool(releases_of(document.network.plugin))


@precheck(
    "net.plugin_ports",
    on="kubernetes",
    when=runs_in_pods,
    fix="Stop what listens there, remove a leftover tunnel (ip -d link show type vxlan), or choose another plugin.",
)
def plugin_ports(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The ports of the network plugin are free"""
    needs = needs_of(cluster.document, machine.name)
    if not (needs.tcp or needs.udp) or machine.read(CLAIM) is not None:
        return
    taken = [f"{port}/tcp" for port in sorted(set(needs.tcp) & set(machine.facts.listening))]
    taken += [f"{port}/udp" for port in sorted(set(needs.udp) & _bound_udp_ports(machine))]
    if taken:
        plugin = cluster.document.network.plugin
        yield error(f"{plugin} needs {', '.join(taken)} on {machine.name}, but another process already listens there.")


def _bound_udp_ports(machine: Machine) -> set[int]:
    """The UDP ports that are in use, also by the kernel's own tunnels."""
    answer = machine.ask(sh("cat /proc/net/udp /proc/net/udp6 2>/dev/null"))
    places = [line.split()[1] for line in answer.stdout.splitlines() if line.count(":") > 2]
    ports = (hexadecimal(place.rpartition(":")[2]) for place in places)
    return {port for port in ports if port is not None}


@precheck(
    "net.plugin_modules",
    on="kubernetes",
    when=runs_in_pods,
    fix="Install the kernel's package of extra modules, or choose another tunnel or plugin.",
)
def plugin_modules(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The kernel has the modules of the network plugin"""
    missing = [
        name for name in needs_of(cluster.document, machine.name).modules if machine.facts.module(name) == "missing"
    ]
    if missing:
        plugin = cluster.document.network.plugin
        yield error(f"{plugin} needs {', '.join(missing)}, which {machine.name}'s kernel {machine.facts.kernel} lacks.")


LOOSE_RP_FILTER = "2"
"""It lets pods forge sender addresses. Source: Felix, which exits with an error."""


def runs_felix(document: Document) -> bool:
    """Whether Felix runs on nodes."""
    return plugin_of(document).runs_felix(document)


@precheck(
    "net.rp_filter",
    on="kubernetes",
    when=runs_felix,
    fix="Set net.ipv4.conf.all.rp_filter to 1 or 0 in a file below /etc/sysctl.d, then run sysctl --system.",
)
def rp_filter(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Reverse path filtering is not loose"""
    value = machine.ask(sh("cat /proc/sys/net/ipv4/conf/all/rp_filter")).stdout.strip()
    if value == LOOSE_RP_FILTER:
        plugin = cluster.document.network.plugin
        yield error(f"net.ipv4.conf.all.rp_filter is 2 (loose) on {machine.name}; {plugin} needs 1 or 0.")


@precheck(
    "net.same_subnet",
    on="kubernetes",
    when=sends_directly,
    fix="Put the machines into one subnet, or choose another network plugin.",
)
def same_subnet(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The other nodes are in the same subnet"""
    others = [each for each in cluster.members("master") + cluster.members("worker") if each.name != machine.name]
    if not others:
        return
    looks = sh("for a in {}; do echo $a $(ip -o route get $a 2>&1); done", words(each.address for each in others))
    remote = [
        line.split()[0] for line in machine.ask(looks).stdout.splitlines() if " via " in line or " dev " not in line
    ]
    if remote:
        yield error(f"{machine.name} reaches {', '.join(remote)} only through a router or not at all.")
