"""time.ntp_active: somebody keeps the machine's clock right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clusters.catalog.steps.os.clock import wanted
from clusters.engine.check import precheck, warning
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


def left_to_the_machine(document: Document) -> bool:
    """Whether the installation will not set up chrony itself."""
    return not (wanted(document) and document.system.ntp_servers)


@precheck(
    "time.ntp_active",
    when=left_to_the_machine,
    fix="Switch it on there (timedatectl set-ntp true, or chrony), or name servers in system.ntpServers.",
)
def kept(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The machine's clock is kept by a time server"""
    # Old ones, such as CentOS 7's, know no `show`. A container has its host's clock and need not keep it.
    look = sh("timedatectl show -p NTPSynchronized 2>/dev/null || timedatectl status 2>/dev/null; exit 0")
    said = re.search(r"synchronized\s*[:=]\s*(yes|no)", machine.ask(look).stdout, re.IGNORECASE)
    if said and said[1].lower() == "no" and not machine.facts.in_container:
        yield warning(f"{machine.name}'s clock is not synchronised with any time server: it will drift.")
