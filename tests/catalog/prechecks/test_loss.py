"""Lost packets between machines are seen in connections that take a second longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.engine.check import CHECKS
from tests.catalog.pretend import pretend

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster


def found(cluster: Cluster, name: str) -> list[Finding]:
    return list(CHECKS.checks["net.loss"].body(cluster.machine(name), cluster))


def answers(place: str, good: int, lost: int) -> str:
    return f"{place} 410\n" * good + f"{place} 1034000\n" * lost


@pytest.mark.parametrize(("lost", "told"), [(0, ""), (1, "5%"), (4, "20%")])
def test_a_control_plane_loses_no_packet(archive: Path, monkeypatch: pytest.MonkeyPatch, lost: int, told: str) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node1"].answer("kubelet.conf", 1)
    hosts["node1"].answer("timeout 12 bash", answers("10.99.0.12/10250", 20 - lost, lost))
    messages = [finding.message for finding in found(cluster, "node1")]
    said = [f"{told} of the connections that node1 opened to node2 needed a second packet."] if told else []
    assert messages == said


@pytest.mark.parametrize(("lost", "tells"), [(2, False), (3, True)])
def test_a_worker_may_lose_a_tenth(archive: Path, monkeypatch: pytest.MonkeyPatch, lost: int, tells: bool) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node2"].answer("kubelet.conf", 1)
    hosts["node2"].answer("timeout 12 bash", answers("10.99.0.11/6443", 20 - lost, lost))
    assert bool(found(cluster, "node2")) is tells


def test_a_cluster_that_runs_is_left_in_peace(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node1"].answer("timeout 12 bash", answers("10.99.0.12/10250", 1, 9))
    assert found(cluster, "node1") == []


def test_a_wall_is_no_loss(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node1"].answer("kubelet.conf", 1)
    hosts["node1"].answer("timeout 12 bash", answers("10.99.0.12/10250", 0, 9))
    assert found(cluster, "node1") == []
