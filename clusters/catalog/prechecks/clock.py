"""time.*: clocks agree and stay synchronized."""

from __future__ import annotations

import re
import statistics
from typing import TYPE_CHECKING

from clusters.catalog.steps.os.clock import wanted
from clusters.engine.check import error, precheck, warning
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


LIMIT_SECONDS = 30.0
"""Difference from the median; the limit of k0sctl."""


@precheck("time.skew", fix="Set the clock, and keep it synchronized with chrony or systemd-timesyncd.")
def skew(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The machine's clock agrees with the others"""
    own = machine.facts.clock_skew
    middle = statistics.median(each.facts.clock_skew for each in cluster.readable())
    offset = own - middle
    if abs(offset) > LIMIT_SECONDS + machine.facts.clock_doubt:
        word = "ahead of" if offset > 0 else "behind"
        yield error(
            f"The clock of {machine.name} is {abs(offset):.1f} s {word} the median (limit {LIMIT_SECONDS:.0f} s)."
        )


@precheck(
    "time.vs_installer",
    on="first-control-plane",
    fix="Correct this server's clock or theirs; let all use the same time servers.",
)
def installer_clock(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The machine's clock agrees with Slipway's server"""
    every = [each.facts for each in cluster.readable()]
    offset = statistics.median(each.clock_skew for each in every)
    if abs(offset) > LIMIT_SECONDS + max(each.clock_doubt for each in every):
        word = "ahead of" if offset > 0 else "behind"
        yield warning(
            f"The machines' clocks are {abs(offset):.1f} s {word} this server's (limit {LIMIT_SECONDS:.0f} s): "
            "certificates made on one side may not be valid yet on the other."
        )


def machine_keeps_clock(document: Document) -> bool:
    """Whether Slipway leaves the clock to the machine and does not set up chrony."""
    return not (wanted(document) and document.system.ntp_servers)


@precheck(
    "time.ntp_active",
    when=machine_keeps_clock,
    fix="Turn synchronization on there (timedatectl set-ntp true, or chrony), or name servers in system.ntpServers.",
)
def ntp_active(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """A time server keeps the clock synchronized"""
    # An old timedatectl, as in CentOS 7, has no `show`. A container uses its host's clock.
    look = sh("timedatectl show -p NTPSynchronized 2>/dev/null || timedatectl status 2>/dev/null; exit 0")
    state = re.search(r"synchronized\s*[:=]\s*(yes|no)", machine.ask(look).stdout, re.IGNORECASE)
    if state and state[1].lower() == "no" and not machine.facts.in_container:
        yield warning(f"{machine.name}'s clock is not synchronised with any time server: it will drift.")
