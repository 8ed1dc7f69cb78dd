"""access.facts: the machine lets us in, lets us be root, and says what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.engine.check import error, precheck, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck("access.facts", waivable=False)
def facts(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The machine can be reached, administered and read"""
    found = machine.facts
    if found.arch not in ("amd64", "arm64"):
        yield error(f"{machine.name} has the architecture {found.arch or 'unknown'}; amd64 and arm64 are supported.")
    elif machine.spec.arch != found.arch:
        yield warning(f"{machine.name} is {found.arch}, the document says {machine.spec.arch}; what was seen is used.")
    machine.note(
        f"{found.os_name}, kernel {found.kernel}, {found.arch}, {found.cpus} CPUs, {found.memory_mb} MiB of memory,"
        f" {found.var_free_mb} MiB free below /var"
    )
