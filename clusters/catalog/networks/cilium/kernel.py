"""net.cilium_kernel: Cilium's programs require a newer kernel than Kubernetes does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clusters.catalog.networks.cilium import PLUGIN
from clusters.catalog.networks.cilium.chart_values import minor
from clusters.engine.check import error, precheck
from clusters.numbers import release_of, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

_EL8 = re.compile(r"4\.18\.0-(\d+)\..*el8")
"""RHEL 8 and its derivatives: new features in an old version, identified by the build number."""

OLDEST_KERNEL = {14: (4, 19), 15: (4, 19), 17: (5, 4), 19: (5, 10), 20: (5, 10)}
"""Minor of Cilium 1 -> the oldest kernel. Source: "System Requirements" in each release's documentation. 1.14 and 1.15
require 4.19.57; the name of a distribution's 4.19 does not show its patch level."""

OLDEST_EL8 = {14: 80, 15: 80, 17: 372, 19: 553, 20: 553}
"""The same for the kernel 4.18.0 of RHEL 8, by its build: the documentation treats it as equivalent, from 8.6 on for
1.17 and from 8.10 on for 1.18 and later. Source of the builds: Red Hat's table of kernels."""


@precheck(
    "net.cilium_kernel",
    on="kubernetes",
    when=PLUGIN.chosen,
    fix="Upgrade the kernel, or choose another network plugin.",
)
def cilium_kernel(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The kernel is new enough for Cilium"""
    release, kernel = minor(cluster.document), machine.facts.kernel
    oldest, build = OLDEST_KERNEL[release], OLDEST_EL8[release]
    limit = ".".join(map(str, oldest))
    if rhel := _EL8.match(kernel):
        if (whole_number(rhel[1]) or 0) < build:
            yield error(
                f"{machine.name} has kernel {kernel}; Cilium requires RHEL 8's 4.18.0-{build}, or {limit} or newer."
            )
        return
    numbers = release_of(kernel)
    if numbers and numbers < oldest:
        yield error(f"{machine.name} has kernel {kernel}; Cilium requires {limit} or newer.")
