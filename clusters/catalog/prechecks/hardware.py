"""arch.uniform, hw.*: processors, memory and disk are large enough for the machine's roles."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from clusters.engine.check import error, precheck, warning

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


LEAST_MEMORY_MB = {"master": 1700, "worker": 900, "etcd": 500}
"""MiB. 1,700 is kubeadm's own limit for control planes; the others leave room for kubelet, a runtime and pods."""


@precheck("hw.ram_role", fix="Give the machine more memory.")
def ram_role(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """There is enough memory for the roles"""
    least = max(LEAST_MEMORY_MB[role] for role in machine.roles)
    if machine.facts.memory_mb < least:
        yield error(f"{machine.name} has {machine.facts.memory_mb} MiB of memory, its roles need {least} MiB.")


LEAST_DISK_MB, RECOMMENDED_DISK_MB = 4_000, 20_000
"""MiB below /var. Images and logs of a bare cluster take about 3,000; KubeKey's documentation asks for 20,000."""


@precheck("hw.disk_free_role", fix="Free some space below /var, or enlarge that file system.")
def disk_free(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """There is enough disk space"""
    free = machine.facts.var_free_mb
    if free < LEAST_DISK_MB:
        yield error(f"{machine.name} has {free} MiB free below /var; it needs {LEAST_DISK_MB} MiB.")
    elif free < RECOMMENDED_DISK_MB:
        yield warning(f"{machine.name} has {free} MiB free below /var; {RECOMMENDED_DISK_MB} MiB are recommended.")


@precheck(
    "arch.uniform",
    on="first-control-plane",
    fix="Provide each image that runs on all of them for every architecture, your own images included.",
)
def arch_uniform(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """All machines have the same architecture"""
    kinds = Counter(each.facts.arch for each in cluster.readable() if each.facts.arch)
    if len(kinds) > 1:
        words = ", ".join(f"{number} × {arch}" for arch, number in sorted(kinds.items()))
        yield warning(f"The machines are of several architectures: {words}.")
