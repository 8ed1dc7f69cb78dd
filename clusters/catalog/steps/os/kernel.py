"""os/kernel: kernel modules and settings that pods and services need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.adapt import proxy_mode
from clusters.catalog.steps.os.swap import is_ours
from clusters.config.topology import is_dual_stack
from clusters.engine.settings import modules_at_boot, sysctls
from clusters.engine.step import step
from clusters.engine.wants import command
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

MODULES = ("overlay", "br_netfilter", "nf_conntrack")
PROXY_MODULES = {"ipvs": ("ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh"), "nftables": ("nf_tables",)}
"""kube-proxy's mode -> additional modules; the kernel loads those that nf_tables depends on at its first use."""

SETTINGS = {
    "net.ipv4.ip_forward": "1",
    "net.bridge.bridge-nf-call-iptables": "1",
    "net.bridge.bridge-nf-call-ip6tables": "1",
}
FOR_IPV6 = {"net.ipv6.conf.all.forwarding": "1"}
"""Additional settings for an IPv6 network of the pods."""

AT_LEAST = {"fs.inotify.max_user_instances": 8192, "fs.inotify.max_user_watches": 524_288}
"""A kubelet and the programs of many pods watch files as root; with 128 instances, the kernel's default, they fail with
"too many open files". Source: kind's known issues, "Pod errors due to too many open files"; KubeKey's initOS script."""

SETTINGS_FILE = "/etc/sysctl.d/90-slipway.conf"
MODULES_FILE = "/etc/modules-load.d/slipway.conf"


def modules_of(cluster: Cluster) -> tuple[str, ...]:
    """The kernel modules that containers, routing and kube-proxy's mode need."""
    without_proxy = cluster.document.kubernetes.disable_kube_proxy
    return MODULES + (() if without_proxy else PROXY_MODULES.get(proxy_mode(cluster), ()))


def settings_of(cluster: Cluster) -> dict[str, str]:
    """The kernel settings that routing and bridges need."""
    return SETTINGS | (FOR_IPV6 if is_dual_stack(cluster.document) else {})


@step("os/kernel", on="kubernetes", needs=("os/claim",), when=is_ours, expected=1)
def kernel(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Load kernel modules and set kernel parameters"""
    wanted = modules_of(cluster)
    for name in wanted:
        # A module that is built in, or that a container's host has loaded, needs and allows no modprobe.
        if machine.facts.module(name) != "active":
            yield command(
                f"kernel module {name} is loaded",
                sh("modprobe {}", name),
                unless=sh("test -d /sys/module/{0} || grep -q {1} /proc/modules", name, f"^{name} "),
            )
    yield modules_at_boot(MODULES_FILE, wanted)
    yield sysctls(SETTINGS_FILE, settings_of(cluster), AT_LEAST)
