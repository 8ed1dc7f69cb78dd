"""net.latency: members of etcd are near each other."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from clusters.catalog.reach import etcd_places
from clusters.engine.check import precheck, warning
from clusters.remote.shell import sh, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine

LIMIT_MS = 10.0
"""Milliseconds there and back, far more than inside a data centre. etcd wants its heartbeat interval to be about the
round trip, and its own default for that is 100. Source: etcd's documentation, "Tuning"."""

RETRIED_MS = 900.0
"""What takes longer is no round trip: after a second the kernel asks again, also where a firewall has answered."""

_SCRIPT = r"""
now() { if [ -n "$EPOCHREALTIME" ]; then at=${EPOCHREALTIME/[.,]/}; else at=$(($(date +%s%N) / 1000)); fi; }
for try in 1 2 3 4 5; do
  now; began=$at
  true 3<>"/dev/tcp/${1%/*}/${1##*/}"
  now; echo "$1 $((at - began))"
done
"""
"""How long a connection takes, or its refusal: both are one packet there and one back. Microseconds."""


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
    look = sh(
        "for each in {}; do timeout 3 bash -c {} bash $each 2>/dev/null & done; wait; exit 0", words(others), _SCRIPT
    )
    times: dict[str, list[float]] = {}
    for line in machine.ask(look).stdout.splitlines():
        place, _, micros = line.partition(" ")
        if place in others and micros.isdigit() and int(micros) < RETRIED_MS * 1000:
            times.setdefault(others[place], []).append(int(micros) / 1000)
    middle = {name: statistics.median(found) for name, found in times.items()}
    if middle:
        machine.note(", ".join(f"{name} answers within {ms:.1f} ms" for name, ms in middle.items()))
    for name, ms in middle.items():
        if ms > LIMIT_MS:
            yield warning(
                f"{machine.name} waits {ms:.0f} ms for an answer of {name}, another etcd member; {LIMIT_MS:.0f} ms are "
                "a lot already."
            )
