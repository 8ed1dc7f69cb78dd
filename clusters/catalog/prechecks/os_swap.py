"""os.swap_off: swap is switched off by the installation; better know before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.engine.check import error, precheck, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck("os.swap_off", on="kubernetes")
def swap_off(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Swap is off, or will be switched off"""
    if machine.facts.swap_mb and cluster.document.system.skip_configure_os:
        yield error(
            f"{machine.name} uses {machine.facts.swap_mb} MiB of swap: kubelet does not start with it, and "
            "skipConfigureOS leaves it on.",
            hint="Switch it off there (swapoff -a, and in /etc/fstab).",
        )
    elif machine.facts.swap_mb:
        yield warning(
            f"{machine.name} uses {machine.facts.swap_mb} MiB of swap; the installation switches it off for good.",
            hint="Make sure the machine has memory enough without it.",
        )
