"""Waits end early for a program that exits again and again, but not for one that is only slow."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from clusters.catalog import endings, staticpod
from clusters.catalog.steps.etcd import start
from clusters.catalog.steps.kubernetes import init, join, join_control_plane, kubelet_config
from clusters.engine.wants import NotReached, Sight, eventually
from tests.catalog.pretend import pretend, seed
from tests.catalog.test_etcd_members import Etcd, row
from tests.catalog.test_living import NEW, OLD, PATH, Kubelet, pod
from tests.clock import Clock, stopped_clock
from tests.fake_host import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want
    from tests.fake_host import FakeHost, Ran

BEGAN = 100.0
WHY = "flag provided but not defined"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Pauses that take no time."""
    return stopped_clock(monkeypatch)


def restarts(
    host: FakeHost, unit: str, clock: Clock, *, seconds: float, before: int = 0, state: str = "active"
) -> None:
    """systemd restarts the unit every so many seconds."""

    def show(ran: Ran) -> Answer:
        number = before + int((clock.now - BEGAN) / seconds)
        return Answer(f"ActiveState={state}\nNRestarts={number}\nResult=exit-code\n")

    host.answer(f"systemctl show {unit} -p ActiveState", show)
    host.answer(f"journalctl _SYSTEMD_UNIT={unit}.service", WHY)


def last_of_etcd(cluster: Cluster, host: FakeHost) -> Want:
    """The last want of etcd/start."""
    host.answer("endpoint health", Answer(exit_code=1, stderr="context deadline exceeded"))
    return list(start.start(cluster.machine("node1"), cluster))[-1]


def test_the_wait_ends_early_for_a_crashing_etcd(archive: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    want = last_of_etcd(cluster, hosts["node1"])
    restarts(hosts["node1"], "etcd", clock, seconds=6)
    with pytest.raises(NotReached, match=rf"exceeded; etcd exited 5 times while waiting. Its log: {WHY}") as given:
        want.reach(cluster.machine("node1"))
    assert clock.now - BEGAN < 40
    assert not given.value.retryable and "Waiting does not help" in given.value.hint


def test_the_wait_ends_early_for_a_failed_unit(archive: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    want = last_of_etcd(cluster, hosts["node1"])
    restarts(hosts["node1"], "etcd", clock, seconds=1000, state="failed")
    with pytest.raises(NotReached, match=r"systemd no longer restarts etcd \(exit-code\)"):
        want.reach(cluster.machine("node1"))
    assert clock.now - BEGAN < 3


def test_earlier_restarts_of_etcd_do_not_end_the_wait(
    archive: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    want = last_of_etcd(cluster, hosts["node1"])
    restarts(hosts["node1"], "etcd", clock, seconds=100, before=50)
    want.reach(cluster.machine("node1"))
    assert clock.now - BEGAN >= 240


def test_the_wait_ends_early_for_a_crashing_learner(
    archive: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    etcd = Etcd(archive, monkeypatch, row(11, "node1"), row(12, "node2"), row(13, "node3", learner=True))
    etcd.hosts["node1"].answer("member promote", Answer(exit_code=1, stderr="not in sync"))
    restarts(etcd.hosts["node3"], "etcd", clock, seconds=6)
    machine = etcd.cluster.machine("node3")
    with pytest.raises(NotReached, match=f"node3: not in sync; etcd exited 5 times while waiting. Its log: {WHY}"):
        start.votes(machine, etcd.cluster).reach(machine)
    assert clock.now - BEGAN < 40


def test_the_wait_ends_early_for_a_crashing_kubelet(
    archive: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    machine, host = cluster.machine("node2"), hosts["node2"]
    monkeypatch.setattr(join, "_join_from_scratch", lambda *given: None)
    host.answer("test -s /etc/kubernetes/kubelet.conf", 1)
    restarts(host, "kubelet", clock, seconds=6)
    with pytest.raises(NotReached, match="kubelet exited 5 times while waiting"):
        join.joined(machine, cluster).reach(machine)
    assert clock.now - BEGAN < 40


class Crashes:
    """A container that kubelet restarts after 0, 10, 20 and 40 s; `lives` is its run time, `codes` its exit codes."""

    def __init__(self, host: FakeHost, clock: Clock, name: str, *, lives: float = 0.5, codes: tuple[int, ...] = (1,)):
        self.clock, self.lives, self.codes = clock, lives, codes
        host.answer(f"crictl ps -a --state Exited --name '^{name}$'", self._newest)

    def _newest(self, ran: Ran) -> Answer:
        begins, ends, past = BEGAN + 1, [], (0.0, 10.0, 20.0, 40.0, 80.0, 160.0)
        for pause in past:
            ends.append(begins + self.lives)
            begins = ends[-1] + pause
        over = [end for end in ends if end <= self.clock.now]
        if not over:
            return Answer(exit_code=1)
        ended = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=over[-1])
        status = {
            "id": f"c{len(over)}",
            "exitCode": self.codes[(len(over) - 1) % len(self.codes)],
            "startedAt": (ended - timedelta(seconds=self.lives)).isoformat(),
            "finishedAt": ended.isoformat(),
        }
        return Answer(json.dumps({"status": status}))


def test_a_crashing_static_pod_gets_its_old_manifest_back_early(
    archive: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    host = hosts["node1"]
    Kubelet(host, broken=NEW)
    Crashes(host, clock, "kube-scheduler")
    with pytest.raises(NotReached, match="It runs with the previous ones"):
        pod(NEW).reach(cluster.machine("node1"))
    assert host.get(PATH) == OLD
    assert clock.now - BEGAN < 50


@pytest.mark.parametrize(
    ("lives", "codes"), [(20.0, (1,)), (0.5, (1, 2))], ids=["waits for something itself", "ends in different ways"]
)
def test_the_wait_for_a_slow_static_pod_goes_on(
    lives: float, codes: tuple[int, ...], archive: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    Kubelet(hosts["node1"], broken=NEW)
    Crashes(hosts["node1"], clock, "kube-scheduler", lives=lives, codes=codes)
    with pytest.raises(NotReached, match="It runs with the previous ones"):
        pod(NEW).reach(cluster.machine("node1"))
    assert clock.now - BEGAN >= staticpod.STARTS_WITHIN


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (init.init, "the API server is ready"),
        (join_control_plane.join_control_plane, "its own API server is ready"),
    ],
    ids=["init", "join"],
)
def test_the_wait_ends_early_for_a_crashing_api_server(
    body: Callable[..., Iterable[Want]], what: str, archive: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, seed())
    machine, host = cluster.machine("node1"), hosts["node1"]
    host.answer("get --raw /readyz", Answer(exit_code=1, stderr="connection refused"))
    Crashes(host, clock, "kube-apiserver")
    want = next(each for each in body(machine, cluster) if each.what == what)
    with pytest.raises(NotReached, match="refused; kube-apiserver exited 3 times right after its start, with code 1"):
        want.reach(machine)
    assert clock.now - BEGAN < 50


@pytest.mark.parametrize(
    ("failed", "restarts", "ends"), [(0, "0", True), (3, "3", True), (3, "2", False), (3, "", False)]
)
def test_a_failed_or_crashing_kubelet_is_detected(failed: int, restarts: str, ends: bool, tmp_path: Path) -> None:
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(f"#!/bin/sh\n[ $1 = show ] || exit {failed}\necho NRestarts={restarts}\n")
    systemctl.chmod(0o755)
    known = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["/bin/sh", "-c", kubelet_config._EXITS_REPEATEDLY.text], env=known, check=False)
    assert (done.returncode == 0) is ends


@pytest.mark.parametrize("text", ["", "[]", "{", '{"status": 1}', '{"status": {"id": "x", "startedAt": 5}}'])
def test_unreadable_container_states_do_not_end_a_wait(
    text: str, archive: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node1"].answer("crictl inspect", text)
    ends = endings.ContainerEnds("x")
    machine: Machine = cluster.machine("node1")
    eventually("x", lambda _: Sight(False, "no"), within=30, every=1, hopeless=ends.look).reach(machine)
    assert clock.now - BEGAN >= 30
