"""hw.cpu_role: processors for the role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.engine.check import error, precheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck("hw.cpu_role", on="control-plane", fix="Give the machine more processors.")
def cpu_role(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Control planes have two processors"""
    # kubeadm refuses control planes with fewer.
    if machine.facts.cpus < 2:
        yield error(f"{machine.name} has {machine.facts.cpus} processor, a control plane needs 2.")
