"""net.rp_filter: Calico does not start where the kernel checks senders loosely."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.networks.calico import PLUGIN
from clusters.engine.check import error, precheck
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

LOOSE = "2"
"""With it pods could send in another's name. Source: Felix, which ends with an error that says so."""


@precheck(
    "net.rp_filter",
    on="kubernetes",
    when=PLUGIN.chosen,
    fix="Set net.ipv4.conf.all.rp_filter to 1 or 0 in a file below /etc/sysctl.d, then run sysctl --system.",
)
def rp_filter(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The kernel's check of senders is not the loose one"""
    found = machine.ask(sh("cat /proc/sys/net/ipv4/conf/all/rp_filter")).stdout.strip()
    if found == LOOSE:
        yield error(f"net.ipv4.conf.all.rp_filter is 2 (loose) on {machine.name}; Calico wants 1 or 0.")
