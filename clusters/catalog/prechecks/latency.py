"""net.latency: members of etcd are near each other."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from clusters.catalog.connecting import RETRIED_MS, connection_times
from clusters.catalog.reach import etcd_places
from clusters.engine.check import precheck, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

LIMIT_MS = 10.0
"""Milliseconds there and back, far more than inside a data centre. etcd wants its heartbeat interval to be about the
round trip, and its own default for that is 100. Source: etcd's documentation, "Tuning"."""

TRIES = 5


def several(document: Document) -> bool:
    """Whether there are members that wait for each other."""
    return len(etcd_places(document)) > 1


@precheck(
    "net.latency",
    on="etcd-member",
    when=several,
    fix="Put the etcd members into one data centre, or near each other; each write waits for a majority of them.",
)
def latency(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """The members of etcd answer each other quickly"""
    places = etcd_places(cluster.document)
    others = {f"{address}/{port}": name for name, address, port in places if name != machine.name}
    middle = {
        others[place]: statistics.median(first)
        for place, times in connection_times(machine, others, tries=TRIES, seconds=3).items()
        if (first := [ms for ms in times if ms < RETRIED_MS])
    }
    if middle:
        machine.note(", ".join(f"{name} answers within {ms:.1f} ms" for name, ms in middle.items()))
    for name, ms in middle.items():
        if ms > LIMIT_MS:
            yield warning(
                f"{machine.name} waits {ms:.0f} ms for an answer of {name}, another etcd member; {LIMIT_MS:.0f} ms are "
                "a lot already."
            )
