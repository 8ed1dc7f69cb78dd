"""etcd on three separate machines: one may fail; when two are down, writes are refused until they return.

There are two control planes, and one of them may fail."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.ha import layouts, shared_address
from tests.ha.installed import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ha.installed import Installed

pytestmark = [pytest.mark.lab, pytest.mark.outages, pytest.mark.timeout(1200)]
INSTALLS = layouts.ETCD_APART


def test_nodes_are_ready_and_a_second_run_changes_nothing(cluster: Installed) -> None:
    assert cluster.ready_nodes() == {"node1", "node2"}
    assert "nothing changed" in cluster.create()


def test_members_die_and_come_back_and_nothing_is_lost(cluster: Installed, figure: Callable[[str], None]) -> None:
    with cluster.client("write", f"https://{cluster.host('node1').address}:{layouts.ETCD_APART.port}") as client:
        wait_until(lambda: len(client.answers()) > 30, 60, "the first writes")
        cluster.lab.kill("node3")
        took = wait_until(lambda: _writes(cluster, "one-dead"), 30, "a write with two members left")
        figure(f"a write went through {took:.1f} s after one member died")
        cluster.lab.kill("node4")
        refusing = time.time()
        _check_that_writes_are_refused(cluster, figure)
        heals = time.time()
        cluster.lab.start("node3")
        cluster.lab.start("node4")
        took = wait_until(lambda: _writes(cluster, "healed"), 90, "a write after the members came back")
        figure(f"a write went through {took:.1f} s after they were switched on again")
        wait_until(lambda: time.time() > heals + 15, 30, "some more writes")
        answers = client.stop()
    written = [answer for answer in answers if answer.error is None]
    meanwhile = [answer for answer in answers if answer.start > refusing and answer.end < heals]
    figure(f"{len(written)} of {len(answers)} writes were acknowledged, none of {len(meanwhile)} with one member left")
    assert meanwhile and all(answer.error for answer in meanwhile), "one member of three let a write through"
    stored = set(cluster.kubectl("get", "configmaps", "-o", "name").split())
    acknowledged = {"configmap/one-dead", "configmap/healed", *client.written()}
    assert acknowledged <= stored, sorted(acknowledged - stored)
    wait_until(lambda: cluster.ready_nodes() == {"node1", "node2"}, 120, "both nodes to be Ready")
    assert "nothing changed" in cluster.create()


def test_the_address_moves_when_its_holder_dies_and_no_write_is_lost(
    cluster: Installed, figure: Callable[[str], None]
) -> None:
    shared_address.see_it_move(cluster, figure)


def _check_that_writes_are_refused(cluster: Installed, figure: Callable[[str], None]) -> None:
    """The API refuses writes, and a run refuses to start and names the dead machines."""
    refused = _refusal(cluster)
    figure(f"with one member left the API answers: {refused.strip()}")
    assert "timed out" in refused or "timeout" in refused or "unavailable" in refused.lower(), refused
    run = cluster.manage("cluster", "create", "-f", str(cluster.document), "--accept-host-keys", "--yes")
    assert run.returncode != 0
    assert "node3" in run.stdout + run.stderr and "node4" in run.stdout + run.stderr


def _writes(cluster: Installed, name: str) -> bool:
    cluster.kubectl("create", "configmap", name)
    return True


def _refusal(cluster: Installed) -> str:
    try:
        cluster.kubectl("create", "configmap", "two-dead")
    except AssertionError as refused:
        return str(refused)
    pytest.fail("a write was accepted by one member of three")
