"""os.cgroups: control groups are such as the kubelet takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.adapt import needs_cgroups_v1
from clusters.engine.check import error, precheck, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.sections.kubernetes import Kubernetes
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

NEEDED = ("cpu", "cpuset", "memory", "pids")
"""What the kubelet and kubeadm's own check insist on, whatever the version of control groups."""


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
    if needs_cgroups_v1(machine, cluster):
        yield _of_version_1(machine.name, kubernetes)
    if missing := [each for each in NEEDED if each not in machine.facts.cgroup_controllers]:
        yield error(f"{machine.name}'s kernel has the control group controllers {', '.join(missing)} switched off.")


def _of_version_1(name: str, kubernetes: Kubernetes) -> Finding:
    """Slipway has this Kubernetes take version 1, unless the document says that it must not."""
    if kubernetes.kubelet_configuration.get("failCgroupV1") is True:
        return error(
            f"{name} has control groups of version 1, and kubeletConfiguration says failCgroupV1: true; the kubelet of "
            f"Kubernetes {kubernetes.version} does not start there.",
            hint="Boot with systemd.unified_cgroup_hierarchy=1, or take failCgroupV1 out of kubeletConfiguration.",
        )
    return warning(
        f"{name} uses cgroup v1 (control groups of version 1), which Kubernetes 1.35 and newer refuse by default. "
        "Slipway sets failCgroupV1: false and makes kubeadm skip its SystemVerification check.",
        hint="This works up to Kubernetes 1.37; a later one may have no support for version 1 any more. Boot with "
        "systemd.unified_cgroup_hierarchy=1 to have version 2.",
    )
