"""Joining: what the control plane must have done before a machine joins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.catalog.paths import CA
from clusters.catalog.steps.kubernetes import join
from clusters.remote.host import CommandFailed, Result
from tests.catalog.pretend import pretend
from tests.clock import stopped_clock
from tests.fake_host import Answer

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from tests.fake_host import Ran

TOKEN = "abcdef.0123456789abcdef"


def test_machines_join_once_the_control_plane_has_signed_the_token(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, sink = pretend(monkeypatch, archive)
    asked: list[str] = []

    def signature(ran: Ran) -> Answer:
        asked.append(ran.command)
        return Answer("the token has no signature yet", 1) if len(asked) < 3 else Answer()

    hosts["node1"].answer("token create", f"{TOKEN}\n")
    hosts["node1"].answer("cluster-info", signature)
    stopped_clock(monkeypatch)
    for name in ("node2", "node3"):
        assert join._token(cluster.machine(name), cluster).reveal() == TOKEN

    assert len(asked) == 3
    assert "jsonpath={.data.jws-kubeconfig-abcdef}" in asked[0]
    assert "0123456789abcdef" not in "".join(asked)
    log = [getattr(event, "text", "") for event in sink.events]
    assert log.count("waiting: the token has no signature yet") == 1


def test_kubeadm_handles_a_control_plane_that_never_signs(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node1"].answer("token create", f"{TOKEN}\n")
    hosts["node1"].answer("cluster-info", 1)
    stopped_clock(monkeypatch)

    assert join._token(cluster.machine("node2"), cluster).reveal() == TOKEN


def test_a_join_waits_for_a_node_that_registers_late(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """kubeadm 1.36 exits before the kubelet has registered; on a busy machine that takes a while."""
    cluster, hosts, _ = pretend(monkeypatch, archive)
    looks: list[str] = []

    def known(ran: Ran) -> Answer:
        looks.append(ran.command)
        return Answer("node/node2\n" if len(looks) > 4 else "")

    hosts["node1"].put(b"ca", CA)
    hosts["node2"].put(b"ca", CA)
    hosts["node1"].answer("get node node2", known)
    stopped_clock(monkeypatch)
    monkeypatch.setattr(join, "_join", lambda here, cluster: None)
    want = join.joined(cluster.machine("node2"), cluster)
    assert not want.seen(cluster.machine("node2")).so
    want.reach(cluster.machine("node2"))
    assert want.seen(cluster.machine("node2")).so
    assert len(looks) >= 5


LATE = "error: error execution phase etcd-join: error creating local etcd static pod manifest file: "


@pytest.mark.parametrize(
    ("error", "tries"), [(f"{LATE}context deadline exceeded", 2), ("error execution phase preflight: no disk", 1)]
)
def test_only_a_busy_etcd_causes_a_second_join(
    archive: Path, monkeypatch: pytest.MonkeyPatch, error: str, tries: int
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node1"].put(b"ca", CA)
    hosts["node2"].answer("test -s", 1)
    tried: list[str] = []

    def fail(here: Machine, cluster: Cluster) -> None:
        tried.append(here.name)
        raise CommandFailed("kubeadm join failed", result=Result("node2", "kubeadm join", 1, "", error, 1.0))

    monkeypatch.setattr(join, "_join", fail)
    with pytest.raises(CommandFailed):
        join.joined(cluster.machine("node2"), cluster).reach(cluster.machine("node2"))
    assert tried == ["node2"] * tries
    assert sum("kubeadm reset" in ran.command for ran in hosts["node2"].ran) == tries
