"""os.selinux: SELinux forbids what containers do, unless policies for them are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.engine.check import precheck, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck(
    "os.selinux",
    on="kubernetes",
    fix="Install policies for containers (container-selinux), or make it permissive as kubeadm's guide does: "
    "setenforce 0, and SELINUX=permissive in /etc/selinux/config.",
)
def selinux(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """SELinux does not forbid what containers do"""
    if machine.facts.selinux == "enforcing":
        yield warning(f"SELinux enforces its policies on {machine.name}, and Slipway does not change them.")
