"""Settings that follow from what the machines can do: cgroup driver, limits, preflight errors that kubeadm ignores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.component_settings.proxy_mode import mode_in
from clusters.config.kubernetes_versions import parse_version
from clusters.config.matrix import NFTABLES_STABLE
from clusters.numbers import release_of

if TYPE_CHECKING:
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

CGROUP_DRIVERS = ("systemd", "cgroupfs")


def cgroup_driver(cluster: Cluster) -> str:
    """The driver that `kubeletConfiguration` names; else `systemd`, unless a machine is a container on cgroups v1,
    where systemd does not own the tree.

    The whole cluster has one driver, because kubeadm stores one kubelet configuration for all nodes.
    The container runtime uses the same one.
    """
    requested = cluster.document.kubernetes.kubelet_configuration.get("cgroupDriver")
    if requested in CGROUP_DRIVERS:
        return str(requested)
    members = cluster.members("master") + cluster.members("worker")
    shared = any(machine.facts.container and machine.facts.cgroup_version == 1 for machine in members)
    return "cgroupfs" if shared else "systemd"


def conntrack_settable(cluster: Cluster) -> bool:
    """Whether kube-proxy may size the connection table on every node; inside LXC it may not."""
    members = cluster.members("master") + cluster.members("worker")
    return all(machine.facts.conntrack_writable for machine in members)


CGROUPS_V2_SINCE = 35
"""From 1.35 on the kubelet refuses control groups of version 1 unless failCgroupV1 is false, and so does kubeadm's
SystemVerification. Source: Kubernetes' documentation, "About cgroup v2", and KEP-5573."""


def needs_cgroups_v1(machine: Machine, cluster: Cluster) -> bool:
    """Whether the machine has cgroup v1 and this Kubernetes refuses it by default."""
    wants_v2 = parse_version(cluster.document.kubernetes.version).minor >= CGROUPS_V2_SINCE
    return wants_v2 and machine.facts.cgroup_version == 1


def tolerates_cgroups_v1(cluster: Cluster) -> bool:
    """Whether the kubelet configuration must set `failCgroupV1: false`. It applies to all nodes, because kubeadm stores
    one kubelet configuration; nodes with cgroup v2 ignore it."""
    members = cluster.members("master") + cluster.members("worker")
    return any(needs_cgroups_v1(machine, cluster) for machine in members)


def ignored_preflight_errors(machine: Machine, cluster: Cluster) -> tuple[str, ...]:
    """The errors of kubeadm's preflight to ignore: SystemVerification, for one of two facts of the machine.

    It reads the kernel's build configuration, which containers and some distributions do not have; and from 1.35 on it
    refuses control groups of version 1 without reading the kubelet's configuration. Slipway's prechecks cover the rest
    of what it checks.
    """
    known = machine.facts.kernel_config and not needs_cgroups_v1(machine, cluster)
    return () if known else ("SystemVerification",)


NFTABLES_KERNEL = (5, 13)
"""On older kernels nft may be unable to read kube-proxy's rules; kube-proxy checks the version alone and exits.
Source: NFTablesKubeProxyKernelVersion of Kubernetes."""


def proxy_mode(cluster: Cluster) -> str:
    """kube-proxy's effective mode. The document wins, in any of its three places. Without it: nftables if this
    Kubernetes and every node's kernel support it, else iptables. The mode applies to all nodes, because kube-proxy has
    one configuration.

    See docs/decisions/017.
    """
    if requested := mode_in(cluster.document):
        return requested.mode
    members = cluster.members("master") + cluster.members("worker")
    stable = parse_version(cluster.document.kubernetes.version).minor >= NFTABLES_STABLE
    return "nftables" if stable and all(has_nftables(machine) for machine in members) else "iptables"


def has_nftables(machine: Machine) -> bool:
    """Whether kube-proxy can work with nftables on this machine's kernel."""
    return is_recent_for_nftables(machine.facts.kernel) and machine.facts.module("nf_tables") != "missing"


def is_recent_for_nftables(kernel: str) -> bool:
    """Whether kube-proxy accepts this kernel version, as `uname -r` prints it, for nftables; False if unreadable."""
    numbers = release_of(kernel)
    return numbers is not None and numbers >= NFTABLES_KERNEL
