"""arch.uniform: machines are of one architecture, or somebody knows that they are not."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from clusters.engine.check import precheck, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck(
    "arch.uniform",
    on="first-control-plane",
    fix="Every image that runs on all of them has to be there for each architecture; your own, too.",
)
def uniform(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The machines are of one architecture"""
    kinds = Counter(each.facts.arch for each in cluster.readable() if each.facts.arch)
    if len(kinds) > 1:
        words = ", ".join(f"{number} × {arch}" for arch, number in sorted(kinds.items()))
        yield warning(f"The machines are of several architectures: {words}.")
