"""What is chosen by what machines can do: cgroup driver, limits, what kubeadm must not insist on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

CGROUP_DRIVERS = ("systemd", "cgroupfs")


def cgroup_driver(cluster: Cluster) -> str:
    """What `kubeletConfiguration` says; else `systemd`, unless a machine is a container on cgroups v1, where systemd
    does not own the tree.

    One answer for the cluster, because kubeadm keeps one kubelet configuration for all nodes.
    The runtime asks here, too.
    """
    said = cluster.document.kubernetes.kubelet_configuration.get("cgroupDriver")
    if said in CGROUP_DRIVERS:
        return str(said)
    members = cluster.members("master") + cluster.members("worker")
    shared = any(machine.facts.container and machine.facts.cgroup_version == 1 for machine in members)
    return "cgroupfs" if shared else "systemd"


def conntrack_settable(cluster: Cluster) -> bool:
    """Whether kube-proxy may size the connection table on every node; inside LXC it may not."""
    members = cluster.members("master") + cluster.members("worker")
    return all(machine.facts.conntrack_writable for machine in members)


def ignored_preflight_errors(machine: Machine) -> tuple[str, ...]:
    """What kubeadm's own preflight must not insist on, because it cannot be looked up on this machine.

    SystemVerification wants to read the kernel's build configuration, which containers and some
    distributions do not have; what it would look for is covered by Slipway's prechecks.
    """
    return () if machine.facts.kernel_config else ("SystemVerification",)
