"""net.rp_filter: Felix, which is in some network plugins, does not start where the kernel checks senders loosely."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.plugins import plugin_of
from clusters.engine.check import error, precheck
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

LOOSE = "2"
"""With it pods could send in another's name. Source: Felix, which ends with an error that says so."""


def felix_runs(document: Document) -> bool:
    """Whether Felix is on nodes."""
    return plugin_of(document).runs_felix(document)


@precheck(
    "net.rp_filter",
    on="kubernetes",
    when=felix_runs,
    fix="Set net.ipv4.conf.all.rp_filter to 1 or 0 in a file below /etc/sysctl.d, then run sysctl --system.",
)
def rp_filter(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The kernel's check of senders is not the loose one"""
    found = machine.ask(sh("cat /proc/sys/net/ipv4/conf/all/rp_filter")).stdout.strip()
    if found == LOOSE:
        plugin = cluster.document.network.plugin
        yield error(f"net.ipv4.conf.all.rp_filter is 2 (loose) on {machine.name}; {plugin} wants 1 or 0.")
