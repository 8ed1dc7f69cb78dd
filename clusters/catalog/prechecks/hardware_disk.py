"""hw.disk_free_role: room below /var."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.engine.check import error, precheck, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


LEAST, COMFORTABLE = 4_000, 20_000
"""MiB below /var. Images and logs of a bare cluster take about 3,000; KubeKey's documentation asks for 20,000."""


@precheck("hw.disk_free_role", fix="Free some space below /var, or enlarge that file system.")
def disk_free(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """There is room on the disk"""
    free = machine.facts.var_free_mb
    if free < LEAST:
        yield error(f"{machine.name} has {free} MiB free below /var, needed are {LEAST} MiB.")
    elif free < COMFORTABLE:
        yield warning(f"{machine.name} has {free} MiB free below /var; {COMFORTABLE} MiB are recommended.")
