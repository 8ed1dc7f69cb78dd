"""os.systemd: services are started by systemd."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.engine.check import error, precheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck("os.systemd", waivable=False, fix="Use a distribution that boots with systemd.")
def systemd(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """systemd runs the machine's services"""
    if not machine.facts.systemd:
        yield error(f"{machine.name} is run by {machine.facts.init or 'something unknown'}, expected systemd.")
