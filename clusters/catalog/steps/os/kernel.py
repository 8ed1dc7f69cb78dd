"""os/kernel: kernel modules and settings that pods and services need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.adapt import proxy_mode
from clusters.catalog.steps.os.swap import is_ours
from clusters.config.topology import is_dual_stack
from clusters.engine.step import step
from clusters.engine.wants import command, file, sysctls
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


def modules_of(cluster: Cluster) -> tuple[str, ...]:
    """The kernel modules that containers, routing and kube-proxy's mode need."""
    without_proxy = cluster.document.kubernetes.disable_kube_proxy
    return MODULES + (() if without_proxy else PROXY_MODULES.get(proxy_mode(cluster), ()))


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
    yield file("/etc/modules-load.d/slipway.conf", "# Written by Slipway.\n" + "".join(f"{name}\n" for name in wanted))
    both = FOR_IPV6 if is_dual_stack(cluster.document) else {}
    yield sysctls("/etc/sysctl.d/90-slipway.conf", SETTINGS | both)
