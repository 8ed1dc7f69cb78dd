"""net.node_to_node: what does not get through is told by port, purpose and machine; a closed port is no wall."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.prechecks.node_to_node import TOPIC
from clusters.engine.check import CHECKS
from clusters.engine.events import Observed
from tests.catalog.pretend import answers_dials, pretend, seed

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

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
    (seen,) = [event for event in sink.events if isinstance(event, Observed) and event.topic == TOPIC]
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
    (seen,) = [event for event in sink.events if isinstance(event, Observed) and event.topic == TOPIC]
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
    assert found.severity.value == "warning" and "was not tried" in found.message
    assert not [event for event in sink.events if isinstance(event, Observed) and event.topic == TOPIC]


def test_one_machine_alone_tries_nothing(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = {"etcd": ["node1"], "master": ["node1"], "worker": ["node1"]}
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(roleGroups=groups))
    assert not list(CHECK("net.node_to_node").body(cluster.machine("node1"), cluster))
    assert not hosts["node1"].ran
