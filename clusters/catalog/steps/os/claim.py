"""os/claim, finish/claim: record on the machine which cluster it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.identity import (
    authority_on,
    belongs_elsewhere,
    is_of_the_cluster,
    known_identities,
    read_claim,
    written_claim,
)
from clusters.catalog.paths import CLAIM
from clusters.engine.step import step
from clusters.engine.wants import NotReached, directory, file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want


@step("os/claim", on="all", needs_all=("before/scripts",), expected=0.5)
def claim(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Record which cluster this machine belongs to"""
    found = read_claim(machine.read(CLAIM))
    if found is not None and machine.facts.traces and not is_of_the_cluster(machine, cluster, found):
        # Also where prechecks were left out, or the machine has changed since.
        raise NotReached(
            f"{machine.name} {belongs_elsewhere(found, cluster)}",
            hint="Nothing was changed. The precheck k8s.leftovers names what is there, and how to remove it.",
        )
    yield directory("/etc/slipway")
    yield file(CLAIM, written_claim(machine, cluster, known_identities(cluster).control_plane))


@step(
    "finish/claim",
    on="all",
    needs_all=("kubernetes/control-plane", "kubernetes/join", "kubernetes/join-control-plane"),
    expected=0.5,
)
def claim_with_authority(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Record the cluster's authority on each machine"""
    authority = cluster.once("claimed-authority", lambda: authority_on(cluster.first("master", machine)))
    yield file(CLAIM, written_claim(machine, cluster, authority))
