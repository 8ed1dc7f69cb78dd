"""k8s.leftovers: nothing of another cluster is on the machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from clusters.catalog.paths import CLAIM
from clusters.engine.check import error, precheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine


@precheck(
    "k8s.leftovers",
    waivable=False,
    fix="If nobody needs it any more: kubeadm reset -f, and remove /var/lib/etcd. This deletes that cluster's data.",
)
def leftovers(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
    """Nothing of another cluster is on the machine"""
    traces = machine.facts.traces
    claim = machine.read(CLAIM)
    if claim is None:
        if traces:
            yield error(f"{machine.name} has {', '.join(traces)}, which Slipway did not put there.")
        return
    try:
        owner = str(json.loads(claim)["cluster"])
    except (ValueError, KeyError, TypeError):
        owner = f"that {CLAIM} does not name"
    if owner != cluster.document.name and traces:
        yield error(f"{machine.name} belongs to the cluster {owner}, this is {cluster.document.name}.")
