"""DNS pods are on more than one machine, and on none that is dead."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.dns_pods import APART, misplaced, settled, spread
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
def test_which_pods_had_better_start_elsewhere(
    nodes: list[dict[str, Any]], pods: list[dict[str, Any]], found: list[str]
) -> None:
    assert misplaced(nodes, pods) == found


def test_a_crowd_is_broken_up_once_and_what_the_scheduler_does_then_stands(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_where_the_api_server_does_not_say_nothing_is_claimed(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _sink = pretend(monkeypatch, archive)
    hosts["node1"].answer("get pods -n kube-system", 1)
    machine = cluster.machine("node1")
    stopped_clock(monkeypatch)
    want = spread()
    with pytest.raises(NoAnswer, match="does not say where the DNS pods are"):
        want.seen(machine)
    want.reach(machine)
    assert not any("delete pod" in each.command for each in hosts["node1"].ran)


def test_nothing_is_said_before_the_scheduler_has_placed_them(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last pod may land beside the others yet."""
    cluster, hosts, _sink = pretend(monkeypatch, archive)
    machine = cluster.machine("node1")
    stopped_clock(monkeypatch)
    answers = iter([[pod("a", "node1"), pod("b")]] * 3)
    later = [pod("a", "node1"), pod("b", "node1")]
    hosts["node1"].answer("get pods -n kube-system", lambda ran: Answer(json.dumps({"items": next(answers, later)})))
    want = spread()
    assert want.seen(machine).found == "the scheduler has no machine yet for b"
    want.reach(machine)
    assert any("delete pod" in each.command and " b" in each.command for each in hosts["node1"].ran)


def test_a_pod_that_fits_nowhere_is_not_waited_for_without_end(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_dns_pods_are_kept_apart_and_soon_seen_unless_somebody_has_said_how(
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
    assert settled().seen(machine).so is (not wanted)
    if not wanted:
        return
    settled().reach(machine)
    (patch,) = [each.command for each in hosts["node1"].ran if "patch deployment coredns" in each.command]
    said = json.loads(shlex.split(patch)[-1])["spec"]["template"]["spec"]
    assert sorted(said) == wanted
    assert said.get("affinity", {"podAntiAffinity": APART}) == {"podAntiAffinity": APART}
    assert said.get("containers", [SEEN]) == [SEEN]


def test_an_api_server_that_does_not_say_how_pods_are_placed_is_not_taken_for_one_that_does(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _sink = pretend(monkeypatch, archive)
    hosts["node1"].answer("get deployment coredns", Answer("", 1, "The connection to the server was refused"))
    with pytest.raises(NoAnswer, match="does not say whether there is a deployment coredns"):
        settled().seen(cluster.machine("node1"))
    hosts["node1"].answer("get deployment coredns", "")
    assert settled().seen(cluster.machine("node1")).found == "no deployment coredns in kube-system"
