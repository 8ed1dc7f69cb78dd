"""os.firewall: a firewall runs, and somebody has to open the ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.networks.needs import needs_of
from clusters.catalog.prechecks.ports import wanted_ports
from clusters.engine.check import precheck, warning
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck("os.firewall", fix="Open these ports for the other machines and the pods' network, or switch it off.")
def firewall(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """No firewall runs that has to be told of the cluster"""
    look = sh(
        "systemctl is-active --quiet firewalld 2>/dev/null && echo firewalld\n"
        "grep -qsi '^ENABLED=yes' /etc/ufw/ufw.conf && systemctl is-active --quiet ufw 2>/dev/null && echo ufw\nexit 0"
    )
    active = machine.ask(look).stdout.split()
    if not active:
        return
    needs = needs_of(cluster.document, machine.name)
    ports = [f"{port}/tcp" for port in sorted({*wanted_ports(machine, cluster.document), *needs.tcp})]
    ports += [f"{port}/udp" for port in sorted(needs.udp)]
    yield warning(
        f"{' and '.join(active)} is active on {machine.name}; Slipway does not change its rules. The machine is "
        f"called on {', '.join(ports) or 'the ports of its pods'}."
    )
