"""os.cgroups: control groups are such as the kubelet takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.versions import parse_version
from clusters.engine.check import error, precheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

NEEDED = ("cpu", "cpuset", "memory", "pids")
"""What the kubelet and kubeadm's own check insist on, whatever the version of control groups."""

V2_SINCE = 35
"""From 1.35 on the kubelet refuses version 1 unless failCgroupV1 is false. Source: Kubernetes' documentation, "About
cgroup v2", and KEP-5573."""


@precheck(
    "os.cgroups",
    on="kubernetes",
    fix="Boot with systemd.unified_cgroup_hierarchy=1 for version 2, and without cgroup_disable=… for a controller.",
)
def cgroups(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Control groups are there as the kubelet wants them"""
    version, kubernetes = machine.facts.cgroup_version, cluster.document.kubernetes
    if not version:
        yield error(f"{machine.name} has no control groups mounted below /sys/fs/cgroup.")
        return
    tolerated = kubernetes.kubelet_configuration.get("failCgroupV1") is False
    if version == 1 and parse_version(kubernetes.version).minor >= V2_SINCE and not tolerated:
        yield error(
            f"{machine.name} has control groups of version 1; the kubelet of Kubernetes {kubernetes.version} does not "
            "start with them, it wants version 2.",
            hint="Boot with systemd.unified_cgroup_hierarchy=1, or set failCgroupV1: false in "
            "kubernetes.kubeletConfiguration.",
        )
    if missing := [each for each in NEEDED if each not in machine.facts.cgroup_controllers]:
        yield error(f"{machine.name}'s kernel has the control group controllers {', '.join(missing)} switched off.")
