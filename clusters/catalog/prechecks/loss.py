"""net.loss: packets between machines arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.claimed import of_a_cluster
from clusters.catalog.connecting import RETRIED_MS, connection_times
from clusters.catalog.reach import flows_from
from clusters.engine.check import precheck, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

TRIES = 20
MOST_MACHINES = 3
"""How many other machines each tries; with one link gone bad, somebody's tries go over it."""

WORKERS_MAY_LOSE = 0.1
"""Part of the tries; a control plane or an etcd member may lose none. As the OpenShift assisted installer has it."""


@precheck(
    "net.loss",
    fix="Look at the cables, switch ports and interfaces between them (ip -s link): Kubernetes asks again, but etcd's "
    "elections and every image take far longer.",
)
def loss(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Packets to other machines arrive the first time"""
    places = _places(machine, cluster)
    if not places or machine.ask(of_a_cluster()).ok:
        # Servers that run write a line about each connection that says nothing.
        return
    # Where no try went well a wall is in between: net.node_to_node tells of that.
    lost = {
        places[place]: sum(ms >= RETRIED_MS for ms in times) / len(times)
        for place, times in connection_times(machine, places, tries=TRIES, seconds=12).items()
        if min(times) < RETRIED_MS
    }
    may_lose = 0.0 if {"master", "etcd"}.intersection(machine.roles) else WORKERS_MAY_LOSE
    for name, part in lost.items():
        if part > may_lose:
            yield warning(f"{part:.0%} of the connections that {machine.name} opened to {name} needed a second packet.")


def _places(machine: Machine, cluster: Cluster) -> dict[str, str]:
    """Address and port of a few other machines, one port each, with the machine's name."""
    found: dict[str, str] = {}
    for flow in flows_from(cluster.document, machine.name):
        if flow.address and flow.target not in found.values() and len(found) < MOST_MACHINES:
            found[f"{flow.address}/{flow.port}"] = flow.target
    return found
