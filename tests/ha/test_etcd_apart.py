"""etcd on three machines of its own: one may die; when two are dead the cluster says so, and heals with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ha import layouts
from tests.ha.installed import Installed, install, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.lab.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.outages, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def cluster(lab: Lab, lab_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Installed once for all tests here."""
    return install(lab, layouts.ETCD_APART, lab_bundle, tmp_path_factory.mktemp("apart"))


def test_nodes_are_ready_and_a_second_run_changes_nothing(cluster: Installed) -> None:
    assert cluster.ready_nodes() == {"node1", "node2"}
    assert "nothing changed" in cluster.create()


def test_members_die_and_come_back_and_nothing_is_lost(cluster: Installed, figure: Callable[[str], None]) -> None:
    cluster.kubectl("create", "configmap", "before")
    cluster.lab.kill("node3")
    took = wait_until(lambda: _writes(cluster, "one-dead"), 30, "a write with two members left")
    figure(f"a write went through {took:.1f} s after one member died")
    cluster.lab.kill("node4")
    refused = _refusal(cluster)
    figure(f"with one member left the API says: {refused.strip()}")
    assert "timed out" in refused or "timeout" in refused or "unavailable" in refused.lower(), refused
    run = cluster.manage("cluster", "create", "-f", str(cluster.document), "--accept-host-keys", "--yes")
    assert run.returncode != 0
    assert "node3" in run.stdout + run.stderr and "node4" in run.stdout + run.stderr
    cluster.lab.start("node3")
    cluster.lab.start("node4")
    took = wait_until(lambda: _writes(cluster, "healed"), 90, "a write after the members came back")
    figure(f"a write went through {took:.1f} s after they were switched on again")
    kept = cluster.kubectl("get", "configmaps", "-o", "name").split()
    assert {"configmap/before", "configmap/one-dead", "configmap/healed"} <= set(kept)
    wait_until(lambda: cluster.ready_nodes() == {"node1", "node2"}, 120, "both nodes to be Ready")
    assert "nothing changed" in cluster.create()


def _writes(cluster: Installed, name: str) -> bool:
    cluster.kubectl("create", "configmap", name)
    return True


def _refusal(cluster: Installed) -> str:
    try:
        cluster.kubectl("create", "configmap", "two-dead")
    except AssertionError as refused:
        return str(refused)
    pytest.fail("a write was accepted by one member of three")
