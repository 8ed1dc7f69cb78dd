"""os.supported: a distribution Slipway was made for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.engine.check import precheck, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


KNOWN = (
    "debian",
    "ubuntu",
    "centos",
    "rhel",
    "rocky",
    "almalinux",
    "fedora",
    "sles",
    "opensuse-leap",
    "kylin",
    "openeuler",
)


@precheck("os.supported")
def supported(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The distribution is one that is known to work"""
    found = machine.facts
    if found.os_id not in KNOWN and not set(found.os_like) & set(KNOWN):
        yield warning(
            f"{machine.name} runs {found.os_name or 'an unknown system'}; known to work: {', '.join(KNOWN)}.",
            hint="It may work all the same; try one machine first.",
        )
