"""net.cilium_kernel: Cilium's programs want a newer kernel than Kubernetes does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clusters.catalog.networks import cilium
from clusters.engine.check import error, precheck
from clusters.numbers import release_of, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

_EL8 = re.compile(r"4\.18\.0-(\d+)\..*el8")
"""RHEL 8 and its like: new features in an old version, told apart by the build."""


@precheck(
    "net.cilium_kernel",
    on="kubernetes",
    when=cilium.PLUGIN.chosen,
    fix="Upgrade the kernel, or choose another network plugin.",
)
def cilium_kernel(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The kernel is new enough for Cilium"""
    minor, kernel = cilium.minor(cluster.document), machine.facts.kernel
    oldest, build = cilium.OLDEST_KERNEL[minor], cilium.OLDEST_EL8[minor]
    limit = ".".join(map(str, oldest))
    if rhel := _EL8.match(kernel):
        if (whole_number(rhel[1]) or 0) < build:
            yield error(
                f"{machine.name} has kernel {kernel}; Cilium wants RHEL 8's 4.18.0-{build}, or {limit} or newer."
            )
        return
    numbers = release_of(kernel)
    if numbers and numbers < oldest:
        yield error(f"{machine.name} has kernel {kernel}; Cilium wants {limit} or newer.")
