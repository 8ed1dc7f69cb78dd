"""A failure shows the lines of the service's journal that explain it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.catalog.steps.kubernetes import init, join
from clusters.engine.journal import SHOWN_LINES, explained_by, important, journal_of
from clusters.engine.machine import FactsOnce, Machine
from clusters.engine.node import _failure
from clusters.engine.plan import PlannedStep, make_plan
from clusters.engine.wants import NotReached, service
from clusters.remote.errors import CommandTimedOut, ConnectionLost
from clusters.remote.host import Cancel, CommandFailed
from clusters.remote.shell import sh
from tests.catalog.pretend import Kept, pretend, seed
from tests.fake_host import Answer, FakeHost

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from clusters.engine.cluster import Cluster

WHY = 'E1130 10:00:00.123456    4711 run.go:74] "command failed" err="cgroup driver: \\"cgroupfs\\" is different"'
JOURNAL = "\n".join(
    (
        "Started kubelet.service - kubelet: the Kubernetes node agent.",
        'I1130 10:00:00.000000    4711 server.go:440] "Kubelet version" errorless="yes error"',
        WHY.replace("10:00:00", "09:59:55"),
        "kubelet.service: Main process exited, code=exited, status=1/FAILURE",
        WHY,
    )
)


def machine_of(host: FakeHost, sink: Kept | None = None) -> Machine:
    return Machine(seed().hosts[0], host, sink=sink or Kept(), cancel=Cancel(), facts=FactsOnce())


def planned(cluster: Cluster) -> PlannedStep:
    return next(row for row in make_plan(cluster.document).steps if row.path == "kubernetes/init")


def test_lines_that_report_errors_are_chosen_once_and_in_their_order() -> None:
    assert important(tuple(JOURNAL.splitlines())) == (
        "kubelet.service: Main process exited, code=exited, status=1/FAILURE",
        WHY,
    )
    many = tuple(f"error number {number}" for number in range(99))
    assert important(many) == many[-SHOWN_LINES:]


def test_a_journal_without_errors_gives_its_last_lines() -> None:
    assert journal_of(machine_of(FakeHost("n", [("journalctl", "one\ntwo\n")])), "kubelet") == ("one", "two")


@pytest.mark.parametrize(
    ("act", "command"),
    [
        (init._initialise, "kubeadm init --config"),
        (lambda machine, cluster: join._join(machine, cluster), "kubeadm join --config"),
    ],
    ids=["init", "join"],
)
def test_the_failure_of_kubeadm_shows_why_kubelet_does_not_run(
    act: Callable[[Machine, Cluster], None], command: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, sink = pretend(monkeypatch, archive)
    machine, host = cluster.machine("node1"), hosts["node1"]
    monkeypatch.setattr(join, "_token", lambda machine, cluster: None)
    monkeypatch.setattr(join, "cluster_ca", lambda machine, cluster: b"")
    for module in (init, join):
        monkeypatch.setattr(module, "forget_all_before", lambda machine: None)
    monkeypatch.setattr(join, "pin_of", lambda certificate: "")
    monkeypatch.setattr(join, "join_configuration", lambda *_, **__: "")
    host.answer("test -s /etc/kubernetes/admin.conf", 1)
    for each in hosts.values():
        each.answer("test -e", 1)
    host.answer("ls /etc/kubernetes", 1)
    host.answer("grep -q .", 1)
    host.answer(command, Answer("[kubelet-check] The kubelet is not healthy", 1, "error: timed out"))
    host.answer("journalctl -u kubelet", JOURNAL)
    with pytest.raises(CommandFailed) as caught:
        act(machine, cluster)
    failure = _failure(planned(cluster), machine, caught.value)
    assert "error: timed out" in failure.lines and f"kubelet: {WHY}" in failure.lines
    assert any(getattr(event, "text", "") == f"kubelet: {WHY}" for event in sink.events)


def test_a_service_that_does_not_start_shows_its_journal_with_the_step(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    machine, host = cluster.machine("node1"), hosts["node1"]
    host.answer("systemctl restart thing", 1)
    host.answer("journalctl -u thing", "thing: error: no such file /etc/thing\n")
    with pytest.raises(NotReached) as caught:
        service("thing").reach(machine)
    assert _failure(planned(cluster), machine, caught.value).lines == ["thing: error: no such file /etc/thing"]


def test_a_command_that_ran_out_of_time_shows_its_output_with_the_step(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    machine = cluster.machine("node1")
    hosts["node1"].answer("long", Answer("step 3 of 9\n", seconds=9))
    with pytest.raises(CommandTimedOut) as caught:
        machine.do(sh("long"), timeout=0.01)
    assert _failure(planned(cluster), machine, caught.value).lines == ["step 3 of 9"]


def test_a_lost_machine_has_no_journal_and_its_failure_stays() -> None:
    host = FakeHost("node1", [("journalctl", ConnectionLost("gone")), ("kubeadm", Answer("no", 1))])
    machine = machine_of(host)
    with pytest.raises(CommandFailed) as caught, explained_by(machine, "kubelet"):
        machine.do(sh("kubeadm init"))
    assert caught.value.lines == ()
