"""os/names: the machine's own name, and the names of all machines in /etc/hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.hosts_file import lines_in_hosts
from clusters.catalog.load_balancers import name as endpoint
from clusters.catalog.steps.os.swap import is_ours
from clusters.engine.step import step
from clusters.engine.wants import command
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want


@step("os/names", on="all", needs=("os/claim",), expected=1)
def names(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Set the machine's name, and all names in /etc/hosts"""
    document = cluster.document
    if is_ours(document):
        named = 'test "$(cat /proc/sys/kernel/hostname)" = {0} && test "$(cat /etc/hostname)" = {0}'
        yield command(
            f"the machine's name is {machine.name}",
            sh(
                "hostnamectl set-hostname {0} 2>/dev/null || {{ echo {0} > /etc/hostname && hostname {0}; }}",
                machine.name,
            ),
            unless=sh(named, machine.name),
        )
    domain = document.kubernetes.dns_domain
    lines = [f"{at} {other.name}.{domain} {other.name}" for other in cluster.machines for at in other.addresses]
    lines += [line.strip() for line in document.dns.node_etc_hosts.splitlines() if line.strip()]
    yield from lines_in_hosts(machine, cluster, "hosts", "\n".join(lines))
    if endpoint.first_address(cluster):
        yield endpoint.known(machine, cluster)
