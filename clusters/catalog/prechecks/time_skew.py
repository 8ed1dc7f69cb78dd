"""time.skew: clocks agree, or certificates and leases go wrong."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from clusters.engine.check import error, precheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


LIMIT = 30.0
"""Seconds away from the median; k0sctl's limit."""


@precheck("time.skew", fix="Set the clock, and let chrony or systemd-timesyncd keep it.")
def skew(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The machine's clock agrees with the others"""
    own = machine.facts.clock_skew
    middle = statistics.median(each.facts.clock_skew for each in cluster.readable())
    off = own - middle
    if abs(off) > LIMIT + machine.facts.clock_doubt:
        word = "ahead of" if off > 0 else "behind"
        yield error(f"The clock of {machine.name} is {abs(off):.1f} s {word} the median (limit {LIMIT:.0f} s).")
