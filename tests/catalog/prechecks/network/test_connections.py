"""Blocked ports, slow answers and lost packets between machines are reported; a closed port is not a firewall."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.catalog.prechecks.network.connections import REACHABILITY
from clusters.engine.check import CHECKS
from clusters.engine.events import Observed
from tests.catalog.prechecks.findings import found
from tests.catalog.pretend import answers_dials, pretend, seed

if TYPE_CHECKING:
    from pathlib import Path


CHECK = CHECKS.checks.__getitem__


NO_ROUTE = "connect: No route to host bash: /dev/tcp/10.99.0.11/6443: No route to host"


def test_a_port_that_is_dropped_and_one_that_is_rejected_are_told_apart(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = {"etcd": ["node1", "node3"], "master": ["node1"], "worker": ["node2", "node3"]}
    cluster, hosts, sink = pretend(monkeypatch, archive, seed(roleGroups=groups))
    hosts["node3"].answer("exec 3<>", answers_dials(**{"/2379": "", "/2380": "", "/6443": NO_ROUTE}))
    messages = [found.message for found in CHECK("net.node_to_node").body(cluster.machine("node3"), cluster)]
    assert messages == [
        "node3 cannot reach node1 on 6443 (API server): No route to host.",
        "node3 cannot reach node1 on 2379 (etcd's clients), 2380 (etcd's members): timed out after 3 s.",
    ]
    (seen,) = [event for event in sink.events if isinstance(event, Observed) and event.topic == REACHABILITY]
    assert seen.host == "node3"
    assert seen.values == {
        "node1": {"6443": "No route to host", "2379": "timed out after 3 s", "2380": "timed out after 3 s"}
    }


def test_many_machines_behind_the_same_wall_are_one_sentence(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node1"].answer("exec 3<>", answers_dials(**{"/10250": ""}))
    (found,) = CHECK("net.node_to_node").body(cluster.machine("node1"), cluster)
    assert found.message == "node1 cannot reach node2, node3 on 10250 (kubelet): timed out after 3 s."
    assert found.severity.value == "error" and CHECK("net.node_to_node").waivable


def test_refused_and_connected_are_both_through(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, sink = pretend(monkeypatch, archive)
    hosts["node1"].answer("exec 3<>", answers_dials(**{"10.99.0.12/10250": "connected"}))
    assert not list(CHECK("net.node_to_node").body(cluster.machine("node1"), cluster))
    (seen,) = [event for event in sink.events if isinstance(event, Observed) and event.topic == REACHABILITY]
    assert seen.values == {"node2": {"10250": ""}, "node3": {"10250": ""}}


def test_a_refusal_that_came_by_icmp_is_a_firewall(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node2"].answer("exec 3<>", "10.99.0.11/6443 connect: Connection refused\n10.99.0.11/6443 by-icmp\n")
    (found,) = CHECK("net.node_to_node").body(cluster.machine("node2"), cluster)
    assert found.message.endswith("(API server): rejected by a firewall (ICMP port unreachable).")


def test_a_machine_without_bash_says_that_nothing_was_tried(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, sink = pretend(monkeypatch, archive)
    hosts["node2"].answer("exec 3<>", "no-bash\n")
    (found,) = CHECK("net.node_to_node").body(cluster.machine("node2"), cluster)
    assert found.severity.value == "warning" and "could not test" in found.message
    assert not [event for event in sink.events if isinstance(event, Observed) and event.topic == REACHABILITY]


def test_one_machine_alone_tries_nothing(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = {"etcd": ["node1"], "master": ["node1"], "worker": ["node1"]}
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(roleGroups=groups))
    assert not list(CHECK("net.node_to_node").body(cluster.machine("node1"), cluster))
    assert not hosts["node1"].ran


def answers(place: str, good: int, lost: int) -> str:
    return f"{place} 410\n" * good + f"{place} 1034000\n" * lost


@pytest.mark.parametrize(("lost", "share"), [(0, ""), (1, "5%"), (4, "20%")])
def test_a_control_plane_loses_no_packet(archive: Path, monkeypatch: pytest.MonkeyPatch, lost: int, share: str) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node1"].answer("kubelet.conf", 1)
    hosts["node1"].answer("timeout 12 bash", answers("10.99.0.12/10250", 20 - lost, lost))
    messages = [finding.message for finding in found("net.loss", cluster, "node1")]
    expected = [f"{share} of the connections that node1 opened to node2 needed a second packet."] if share else []
    assert messages == expected


@pytest.mark.parametrize(("lost", "is_found"), [(2, False), (3, True)])
def test_a_worker_may_lose_a_tenth(archive: Path, monkeypatch: pytest.MonkeyPatch, lost: int, is_found: bool) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node2"].answer("kubelet.conf", 1)
    hosts["node2"].answer("timeout 12 bash", answers("10.99.0.11/6443", 20 - lost, lost))
    assert bool(found("net.loss", cluster, "node2")) is is_found


def test_a_cluster_that_runs_is_left_in_peace(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node1"].answer("timeout 12 bash", answers("10.99.0.12/10250", 1, 9))
    assert found("net.loss", cluster, "node1") == []


def test_a_wall_is_no_loss(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node1"].answer("kubelet.conf", 1)
    hosts["node1"].answer("timeout 12 bash", answers("10.99.0.12/10250", 0, 9))
    assert found("net.loss", cluster, "node1") == []


def test_members_of_etcd_that_are_far_apart_are_told(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = {"etcd": ["node1", "node2", "node3"], "master": ["node1"], "worker": []}
    document = seed(roleGroups=groups)
    cluster, hosts, _ = pretend(monkeypatch, archive, document)
    check = CHECKS.checks["net.latency"]
    assert check.when is not None and check.when(document) and not check.when(seed())
    far = "".join(f"10.99.0.13/2380 {micros}\n" for micros in (34000, 35000, 1_034_000, 34100, 34200))
    hosts["node1"].answer("for each in 10.99.0.12/2380", "10.99.0.12/2380 410\n10.99.0.12/2380 380\n" + far)
    (finding,) = found("net.latency", cluster)
    assert finding.message.startswith("node1 waits 34 ms for an answer from node3, another etcd member")
    hosts["node1"].answer("for each in 10.99.0.12/2380", "10.99.0.12/2380 1034000\n10.99.0.13/2380 700\n")
    assert not found("net.latency", cluster), "a packet that was sent twice measures nothing"
