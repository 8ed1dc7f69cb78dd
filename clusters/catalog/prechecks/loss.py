"""net.loss: packets between machines arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.claimed import of_a_cluster
from clusters.catalog.reach import flows_from
from clusters.engine.check import precheck, warning
from clusters.remote.shell import sh, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.remote.shell import Command

TRIES = 20
MOST_MACHINES = 3
"""How many other machines each tries; with one link gone bad, somebody's tries go over it."""

WORKERS_MAY_LOSE = 0.1
"""Part of the tries; a control plane or an etcd member may lose none. As the OpenShift assisted installer has it."""

RETRIED_MS = 900.0
"""A connection that takes longer was asked for twice: Linux sends the first packet again after a second."""

_SCRIPT = r"""
now() { if [ -n "$EPOCHREALTIME" ]; then at=${EPOCHREALTIME/[.,]/}; else at=$(($(date +%s%N) / 1000)); fi; }
try=0
while [ $try -lt $2 ]; do
  now; began=$at
  true 3<>"/dev/tcp/${1%/*}/${1##*/}"
  now; echo "$1 $((at - began))"
  try=$((try + 1))
done
"""
"""How long each connection takes, or its refusal. Microseconds; nothing for one that does not end in time."""


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
    tries: dict[str, list[bool]] = {}
    for line in machine.ask(tries_of(places)).stdout.splitlines():
        place, _, micros = line.partition(" ")
        if place in places and micros.isdigit():
            tries.setdefault(places[place], []).append(int(micros) < RETRIED_MS * 1000)
    # Where no try went well a wall is in between: net.node_to_node tells of that.
    lost = {name: went.count(False) / len(went) for name, went in tries.items() if any(went)}
    may_lose = 0.0 if {"master", "etcd"}.intersection(machine.roles) else WORKERS_MAY_LOSE
    for name, part in lost.items():
        if part > may_lose:
            yield warning(f"{part:.0%} of the connections that {machine.name} opened to {name} needed a second packet.")


def tries_of(places: Iterable[str]) -> Command:
    """Connect to each `address/port` twenty times, to all of them at once."""
    script = "for each in {}; do timeout 12 bash -c {} bash $each {} 2>/dev/null & done; wait; exit 0"
    return sh(script, words(places), _SCRIPT, TRIES)


def _places(machine: Machine, cluster: Cluster) -> dict[str, str]:
    """Address and port of a few other machines, one port each, with the machine's name."""
    found: dict[str, str] = {}
    for flow in flows_from(cluster.document, machine.name):
        if flow.address and flow.target not in found.values() and len(found) < MOST_MACHINES:
            found[f"{flow.address}/{flow.port}"] = flow.target
    return found
