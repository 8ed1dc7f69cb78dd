"""os/clock: the document's time servers, through chrony, and its time zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.lines import one_word
from clusters.engine.block import block
from clusters.engine.packages import Packages
from clusters.engine.step import step
from clusters.engine.wants import command, service
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want


def wanted(document: Document) -> bool:
    """Whether the document sets time servers or a time zone, and Slipway may configure the operating system."""
    system = document.system
    return bool(system.ntp_servers or system.timezone) and not system.skip_configure_os


@step("os/clock", on="all", needs=("os/claim",), when=wanted, timeout=600, expected=3)
def clock(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Set the time zone and the time servers"""
    system = cluster.document.system
    if system.timezone:
        yield command(
            f"the time zone is {system.timezone}",
            sh("timedatectl set-timezone {}", system.timezone),
            unless=sh('test "$(timedatectl show -p Timezone --value)" = {}', system.timezone),
        )
    if system.ntp_servers:
        debian = "apt-get" in machine.facts.tools
        path = "/etc/chrony/chrony.conf" if debian else "/etc/chrony.conf"
        yield Packages({"chronyd": "chrony"}, what="chrony is installed")
        yield block(path, "time", chrony(machine, cluster))
        yield service("chrony" if debian else "chronyd", restart_for=(path,))


def chrony(machine: Machine, cluster: Cluster) -> str:
    """chrony's time servers. A machine of the cluster that is listed as a server serves the others, even if it has no
    better clock than its own; the distribution's own settings stay."""
    lines: list[str] = []
    for name in cluster.document.system.ntp_servers:
        host = cluster.document.host(name)
        if host is None:
            lines.append(f"server {one_word(name, 'A time server')} iburst")
        elif host.name != machine.name:
            lines.append(f"server {host.node_addresses[0]} iburst")
        else:
            others = [each.address for each in cluster.machines if each.name != machine.name]
            lines += ["local stratum 10", *(f"allow {address}" for address in others)]
    return "\n".join(lines)
