"""hw.ram_role: memory for the role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.engine.check import error, precheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


LEAST = {"master": 1700, "worker": 900, "etcd": 500}
"""MiB. 1,700 is kubeadm's own limit for control planes; the others leave room for kubelet, a runtime and pods."""


@precheck("hw.ram_role", fix="Give the machine more memory.")
def ram_role(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """There is memory enough for the roles"""
    least = max(LEAST[role] for role in machine.roles)
    if machine.facts.memory_mb < least:
        yield error(f"{machine.name} has {machine.facts.memory_mb} MiB of memory, its roles need {least} MiB.")
