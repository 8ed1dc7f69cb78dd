"""net.plugin_modules: the kernel has what the network plugin's tunnels need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.networks.needs import needs_of
from clusters.catalog.prechecks.plugin_ports import runs_in_pods
from clusters.engine.check import error, precheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


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
