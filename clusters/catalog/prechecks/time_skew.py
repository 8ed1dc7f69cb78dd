"""time.skew, time.vs_installer: clocks agree, or certificates and leases go wrong."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from clusters.engine.check import error, precheck, warning

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


@precheck(
    "time.vs_installer",
    on="first-control-plane",
    fix="Set this server's clock or theirs; best let both ask the same time servers.",
)
def beside_ours(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The machines' clocks agree with the one of the server that installs them"""
    every = [each.facts for each in cluster.readable()]
    off = statistics.median(each.clock_skew for each in every)
    if abs(off) > LIMIT + max(each.clock_doubt for each in every):
        word = "ahead of" if off > 0 else "behind"
        yield warning(
            f"The machines' clocks are {abs(off):.1f} s {word} this server's (limit {LIMIT:.0f} s): certificates that "
            "are made on one side may not be valid yet on the other."
        )
