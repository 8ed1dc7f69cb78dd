"""net.same_subnet: network plugins without a tunnel send packets directly from node to node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.networks.needs import sends_directly
from clusters.engine.check import error, precheck
from clusters.remote.shell import sh, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck(
    "net.same_subnet",
    on="kubernetes",
    when=sends_directly,
    fix="Put the machines into one subnet, or choose another network plugin.",
)
def same_subnet(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The other nodes are in the same subnet"""
    others = [each for each in cluster.members("master") + cluster.members("worker") if each.name != machine.name]
    if not others:
        return
    looks = sh("for a in {}; do echo $a $(ip -o route get $a 2>&1); done", words(each.address for each in others))
    away = [
        line.split()[0] for line in machine.ask(looks).stdout.splitlines() if " via " in line or " dev " not in line
    ]
    if away:
        yield error(f"{machine.name} reaches {', '.join(away)} only through a router or not at all.")
