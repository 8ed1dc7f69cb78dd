"""etcd.silent: an etcd that was set up before has a majority when machines are added to its cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.claimed import of_a_cluster
from clusters.catalog.steps.etcd.members import silent_etcd
from clusters.engine.check import error, precheck, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.catalog.steps.etcd.existing import Existing
    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

SILENT_FOR = 15.0
"""Seconds. An election takes one or two, and a member that is restarted answers again within ten."""


@precheck(
    "etcd.silent",
    waivable=False,
    when=lambda document: document.etcd.type != "external",
    fix="Repair etcd until a majority of its members answers, then retry; or take the new machine out of the document "
    "for now.",
)
def silent(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """A machine is added only to a cluster whose etcd answers"""
    if {each.name for each in cluster.readable()} != {each.name for each in cluster.machines}:
        machine.note("not looked at, because some machines cannot be read")
        return
    found = cluster.once("etcd-silent", lambda: _silent(machine, cluster))
    if found is None:
        return
    if machine.name in found.without:
        yield error(f"{found.message} {machine.name} cannot be added to it; nothing was changed.", hint=found.hint)
    elif not machine.ask(of_a_cluster()).ok:
        # It has no member of etcd, and starts none: it joins when the API server answers, or the run ends before.
        yield warning(f"{found.message} {machine.name} can join only when the API server answers.", hint=found.hint)


def _silent(machine: Machine, cluster: Cluster) -> Existing | None:
    """The etcd that has not answered for a while."""
    found = None
    for _ in machine.looks(SILENT_FOR, every=3.0):
        found = silent_etcd(machine, cluster)
        if found is None:
            break
    return found
