"""net.plugin_ports: the ports of the network plugin are free, or held by our own earlier run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.networks.needs import needs_of
from clusters.catalog.paths import CLAIM
from clusters.config.plugins import releases_of
from clusters.engine.check import error, precheck
from clusters.numbers import hexadecimal
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


def runs_in_pods(document: Document) -> bool:
    """Whether the plugin is one that opens ports."""
    return bool(releases_of(document.network.plugin))


@precheck(
    "net.plugin_ports",
    on="kubernetes",
    when=runs_in_pods,
    fix="Stop what listens there, remove a tunnel that is left (ip -d link show type vxlan), or choose another plugin.",
)
def plugin_ports(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The ports of the network plugin are free"""
    needs = needs_of(cluster.document, machine.name)
    if not (needs.tcp or needs.udp) or machine.read(CLAIM) is not None:
        return
    taken = [f"{port}/tcp" for port in sorted(set(needs.tcp) & set(machine.facts.listening))]
    taken += [f"{port}/udp" for port in sorted(set(needs.udp) & _udp(machine))]
    if taken:
        plugin = cluster.document.network.plugin
        yield error(f"{plugin} needs {', '.join(taken)} on {machine.name}, where something listens already.")


def _udp(machine: Machine) -> set[int]:
    """UDP ports that are bound; tunnels of the kernel's own are among them."""
    answer = machine.ask(sh("cat /proc/net/udp /proc/net/udp6 2>/dev/null"))
    places = [line.split()[1] for line in answer.stdout.splitlines() if line.count(":") > 2]
    ports = (hexadecimal(place.rpartition(":")[2]) for place in places)
    return {port for port in ports if port is not None}
