"""os.hosts_file: Slipway's lines in /etc/hosts outlive a reboot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.hosts_file import template_of
from clusters.engine.check import precheck, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck(
    "os.hosts_file",
    fix="Set manage_etc_hosts to false or localhost, in the user data of the machine if it is set there.",
)
def hosts_file(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The lines in /etc/hosts outlive a reboot"""
    template = template_of(machine, cluster)
    if template:
        machine.note(f"cloud-init writes /etc/hosts at every boot; Slipway's lines go into {template}, too")
    elif template is not None:
        yield warning(
            f"cloud-init on {machine.name} writes /etc/hosts at every boot (manage_etc_hosts), and its template was "
            "not found. After a reboot the name of the control plane endpoint is missing, and the node is not Ready."
        )
