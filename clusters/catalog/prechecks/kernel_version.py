"""os.kernel_min: old kernels lack what containers need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.engine.check import error, precheck
from clusters.numbers import release_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


OLDEST = (4, 9)
"""KubeKey v4 asks for 4.9.17."""


@precheck("os.kernel_min", on="kubernetes", fix="Upgrade the kernel, then run the checks again.")
def kernel_min(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The kernel is new enough for containers"""
    numbers = release_of(machine.facts.kernel)
    if numbers and numbers < OLDEST:
        yield error(f"{machine.name} has kernel {machine.facts.kernel}, expected at least 4.9.")
