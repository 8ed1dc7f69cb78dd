"""The target of a machine: what its commands reach without a proxy."""

from __future__ import annotations

from clusters.runs.access.targets import target_for
from tests.catalog.pretend import seed


def test_commands_on_a_machine_reach_the_cluster_without_a_proxy() -> None:
    document = seed()
    for host in document.hosts:
        words = target_for(document, host, from_terminal=True).direct
        assert {"lb.kubesphere.local", "10.99.0.11", "10.233.0.0/18", "10.233.64.0/18", "localhost"} <= set(words)
