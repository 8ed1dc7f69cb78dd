"""host.machine_id_unique, host.internal_ip_on_nic: machines are who they are said to be, and not copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.syntax import address_of
from clusters.engine.check import error, precheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck("host.machine_id_unique", fix="On one of them: rm /etc/machine-id && systemd-machine-id-setup, then reboot.")
def machine_id(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """No two machines have the same machine id"""
    own = machine.facts.machine_id
    twins = [each.name for each in cluster.readable() if each.name != machine.name and each.facts.machine_id == own]
    if own and twins:
        yield error(f"{machine.name} has the same machine id as {', '.join(twins)}; they are copies of one disk.")


@precheck("host.internal_ip_on_nic", fix="Correct internalAddress in the document.")
def internal_ip(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The internal address belongs to the machine"""
    held = {address_of(each) for each in machine.facts.ips}
    missing = [address for address in machine.addresses if address_of(address) not in held]
    if machine.facts.ips and missing:
        yield error(
            f"{machine.name} has the addresses {', '.join(machine.facts.ips)}, the document says {', '.join(missing)}."
        )
