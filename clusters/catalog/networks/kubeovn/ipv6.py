"""net.kubeovn_ipv6: the kernel was not started without IPv6, which Kube-OVN's tunnels need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.networks.kubeovn import PLUGIN
from clusters.engine.check import error, precheck
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

OFF = "ipv6.disable=1"
"""With this argument Geneve cannot open its socket. Source: "Prerequisites" of Kube-OVN's documentation."""


@precheck(
    "net.kubeovn_ipv6",
    on="kubernetes",
    when=PLUGIN.chosen,
    fix="Remove ipv6.disable=1 from the kernel's command line (GRUB_CMDLINE_LINUX) and reboot.",
)
def kubeovn_ipv6(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The kernel was started with IPv6"""
    if OFF in machine.ask(sh("cat /proc/cmdline")).stdout.split():
        yield error(f"The kernel of {machine.name} was started with {OFF}; Kube-OVN's tunnels need IPv6 in the kernel.")
