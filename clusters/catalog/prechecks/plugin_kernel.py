"""net.cilium_kernel: Cilium's programs want a newer kernel than Kubernetes does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clusters.catalog.networks.cilium import PLUGIN, oldest_kernel
from clusters.engine.check import error, precheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck(
    "net.cilium_kernel",
    on="kubernetes",
    when=PLUGIN.chosen,
    fix="Upgrade the kernel, or choose another network plugin.",
)
def cilium_kernel(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The kernel is new enough for Cilium"""
    oldest = oldest_kernel(cluster.document)
    numbers = re.match(r"(\d+)\.(\d+)", machine.facts.kernel)
    if numbers and (int(numbers[1]), int(numbers[2])) < oldest:
        limit = ".".join(map(str, oldest))
        yield error(f"{machine.name} has kernel {machine.facts.kernel}; Cilium wants {limit} or newer.")
