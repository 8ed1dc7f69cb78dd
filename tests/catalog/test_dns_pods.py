"""DNS pods run on more than one machine, and on no dead machine."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.dns_pods import APART, misplaced, placement_and_probe, spread
from clusters.engine.wants import NoAnswer
from tests.catalog.pretend import pretend
from tests.clock import stopped_clock
from tests.fake_host import Answer

if TYPE_CHECKING:
    from pathlib import Path


def node(name: str, ready: str = "True", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": spec, "status": {"conditions": [{"type": "Ready", "status": ready}]}}


def pod(name: str, on: str = "", *, ending: bool = False, ready: str = "True") -> dict[str, Any]:
    metadata = {"name": name, **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if ending else {})}
    status = {"conditions": [{"type": "Ready", "status": ready}]}
    return {"metadata": metadata, "spec": {"nodeName": on} if on else {}, "status": status}


TWO = [node("node1"), node("node2")]


@pytest.mark.parametrize(
    ("nodes", "pods", "found"),
    [
        (TWO, [pod("a", "node1"), pod("b", "node1")], ["b"]),
        (TWO, [pod("a", "node1"), pod("b", "node1"), pod("c", "node1")], ["b", "c"]),
        (TWO, [pod("a", "node1", ready="False"), pod("b", "node1")], ["a"]),
        (TWO, [pod("a", "node1"), pod("b", "node2")], []),
        (TWO, [pod("a", "node1"), pod("b", "node1", ending=True)], []),
        (TWO, [pod("a", "node1"), pod("b")], []),
        (TWO, [pod("a", "node1")], []),
        (TWO, [], []),
        ([node("node1")], [pod("a", "node1"), pod("b", "node1")], []),
        ([node("node1"), node("node2", unschedulable=True)], [pod("a", "node1"), pod("b", "node1")], []),
        ([node("node1"), node("node2", "False")], [pod("a", "node1"), pod("b", "node1")], []),
        ([node("node1", "Unknown"), node("node2")], [pod("a", "node1"), pod("b", "node2")], ["a"]),
        ([node("node1", "Unknown"), node("node2")], [pod("a", "node1", ending=True), pod("b", "node2")], []),
    ],
)
def test_misplaced_pods_are_found(nodes: list[dict[str, Any]], pods: list[dict[str, Any]], found: list[str]) -> None:
    assert misplaced(nodes, pods) == found


def test_pods_on_one_machine_are_moved_once(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _sink = pretend(monkeypatch, archive)
    together = json.dumps({"items": [pod("a", "node1"), pod("b", "node1")]})
    hosts["node1"].answer("get pods -n kube-system", Answer(together))
    machine = cluster.machine("node1")
    want = spread()
    assert not want.seen(machine).so
    want.reach(machine)
    assert [each.command for each in hosts["node1"].ran if "delete pod" in each.command] != []
    assert not any(" a" in each.command for each in hosts["node1"].ran if "delete pod" in each.command)
    assert want.seen(machine).so


def test_pods_are_not_moved_without_an_answer(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _sink = pretend(monkeypatch, archive)
    hosts["node1"].answer("get pods -n kube-system", 1)
    machine = cluster.machine("node1")
    stopped_clock(monkeypatch)
    want = spread()
    with pytest.raises(NoAnswer, match="does not report where the DNS pods are"):
        want.seen(machine)
    want.reach(machine)
    assert not any("delete pod" in each.command for each in hosts["node1"].ran)


def test_pods_are_judged_only_after_the_scheduler_placed_them(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last pod may still land beside the others."""
    cluster, hosts, _sink = pretend(monkeypatch, archive)
    machine = cluster.machine("node1")
    stopped_clock(monkeypatch)
    answers = iter([[pod("a", "node1"), pod("b")]] * 3)
    later = [pod("a", "node1"), pod("b", "node1")]
    hosts["node1"].answer("get pods -n kube-system", lambda ran: Answer(json.dumps({"items": next(answers, later)})))
    want = spread()
    assert want.seen(machine).found == "the scheduler has not yet placed b"
    want.reach(machine)
    assert any("delete pod" in each.command and " b" in each.command for each in hosts["node1"].ran)


def test_the_wait_for_a_pod_without_a_machine_ends(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _sink = pretend(monkeypatch, archive)
    machine = cluster.machine("node1")
    stopped_clock(monkeypatch)
    hosts["node1"].answer("get pods -n kube-system", Answer(json.dumps({"items": [pod("a", "node1"), pod("b")]})))
    want = spread()
    assert not want.seen(machine).so
    want.reach(machine)
    assert want.seen(machine).so
    assert not any("delete pod" in each.command for each in hosts["node1"].ran)


SEEN = {"name": "coredns", "readinessProbe": {"periodSeconds": 2, "failureThreshold": 15}}
OF_KUBEADM = {"name": "coredns", "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}}}
OF_THE_API = {"name": "coredns", "readinessProbe": {"periodSeconds": 10, "failureThreshold": 3}}
OF_SOMEBODY = {"name": "coredns", "readinessProbe": {"periodSeconds": 5, "failureThreshold": 3}}


@pytest.mark.parametrize(
    ("affinity", "container", "wanted"),
    [
        (None, SEEN, ["affinity"]),
        ({"nodeAffinity": {}}, SEEN, ["affinity"]),
        ({"podAntiAffinity": APART}, SEEN, []),
        ({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}}, SEEN, []),
        ({"podAntiAffinity": APART}, OF_KUBEADM, ["containers"]),
        ({"podAntiAffinity": APART}, OF_THE_API, ["containers"]),
        ({"podAntiAffinity": APART}, OF_SOMEBODY, []),
        ({"podAntiAffinity": APART}, {"name": "coredns"}, []),
        (None, OF_THE_API, ["affinity", "containers"]),
    ],
)
def test_dns_pods_get_affinity_and_probe_unless_somebody_set_them(
    affinity: dict[str, Any] | None,
    container: dict[str, Any],
    wanted: list[str],
    archive: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster, hosts, _sink = pretend(monkeypatch, archive)
    found = {"spec": {"template": {"spec": {"containers": [container], "affinity": affinity}}}}
    hosts["node1"].answer("get deployment coredns", Answer(json.dumps(found)))
    machine = cluster.machine("node1")
    assert placement_and_probe().seen(machine).so is (not wanted)
    if not wanted:
        return
    placement_and_probe().reach(machine)
    (patch,) = [each.command for each in hosts["node1"].ran if "patch deployment coredns" in each.command]
    changes = json.loads(shlex.split(patch)[-1])["spec"]["template"]["spec"]
    assert sorted(changes) == wanted
    assert changes.get("affinity", {"podAntiAffinity": APART}) == {"podAntiAffinity": APART}
    assert changes.get("containers", [SEEN]) == [SEEN]


def test_a_missing_answer_is_not_a_missing_deployment(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _sink = pretend(monkeypatch, archive)
    hosts["node1"].answer("get deployment coredns", Answer("", 1, "The connection to the server was refused"))
    with pytest.raises(NoAnswer, match="does not report whether there is a deployment coredns"):
        placement_and_probe().seen(cluster.machine("node1"))
    hosts["node1"].answer("get deployment coredns", "")
    assert placement_and_probe().seen(cluster.machine("node1")).found == "no deployment coredns in kube-system"
