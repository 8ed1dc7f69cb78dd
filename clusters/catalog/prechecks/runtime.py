"""cri.*: a container runtime that Slipway did not set up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.paths import CLAIM
from clusters.catalog.runtimes import RECORDS
from clusters.engine.check import precheck, warning
from clusters.remote.shell import sh, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck(
    "cri.already_present",
    on="kubernetes",
    fix="Slipway keeps other runtimes in them, such as a GPU's, and a copy of the files (….before-slipway).",
)
def not_present(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The container runtime is Slipway's, or not installed yet"""
    record = RECORDS.get(cluster.document.kubernetes.container_manager)
    units = record.units if record else ()
    if not units or machine.read(CLAIM) is not None:
        return
    script = 'for unit in {}; do systemctl is-active --quiet "$unit" 2>/dev/null && echo "$unit"; done; exit 0'
    running = [unit for unit in machine.ask(sh(script, words(units))).stdout.split() if unit in units]
    if running:
        yield warning(
            f"{' and '.join(running)} already runs on {machine.name}, and Slipway did not set it up: Slipway replaces "
            "its settings and restarts it."
        )
