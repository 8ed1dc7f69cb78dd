"""A controller manager that ignores failed nodes is replaced by one that does not: only where necessary, and once."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.steps.finish import eviction
from clusters.engine.wants import NoAnswer, NotReached
from tests.catalog.pretend import manifest, pretend, seed
from tests.clock import stopped_clock
from tests.fake_host import Answer

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.engine.machine import Machine
    from tests.fake_host import FakeHost, Ran

EARLY, READY, LATE = "2026-01-01T10:00:00.123456Z", "2026-01-01T10:01:00Z", "2026-01-01T10:02:00.000001Z"


def nodes(*times: str) -> str:
    """The nodes of a cluster, Ready since then."""
    items = [
        {
            "metadata": {"name": f"node{number}"},
            "status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": at}]},
        }
        for number, at in enumerate(times, 1)
    ]
    return json.dumps({"items": items})


class Controllers:
    """A pretend machine's answers about its controller manager, which can be killed."""

    def __init__(self, host: FakeHost, identity: str, since: str, *, taken_over: bool = True) -> None:
        self.spec: dict[str, Any] = {"holderIdentity": identity, "acquireTime": since}
        self.runs, self.taken_over = True, taken_over
        host.answer("get lease kube-controller-manager", lambda ran: Answer(json.dumps({"spec": self.spec})))
        host.put(manifest(eviction.PROGRAM), f"/etc/kubernetes/manifests/{eviction.PROGRAM}.yaml")
        mine, other = (base64.b64encode(f"{each}\0".encode()).decode() for each in (eviction.PROGRAM, "somebody's"))
        host.answer(
            "/proc/[0-9]*/comm",
            lambda ran: Answer(f"70 1 1000 {other}\n" + (f"71 1 1000 {mine}\n" if self.runs else "")),
        )
        host.answer("kill -TERM 71", self._end)
        host.answer("patch lease", self._give_back)

    def _end(self, ran: Ran) -> Answer:
        self.runs = False
        return Answer()

    def _give_back(self, ran: Ran) -> Answer:
        assert not self.runs, "only the lease of a process that has ended may be released"
        if self.taken_over:
            self.spec = {"holderIdentity": "node2_b", "acquireTime": LATE}
        return Answer()


@pytest.fixture
def machine(archive: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Machine, FakeHost]:
    """The first control plane, of three nodes the last of which became ready at READY."""
    cluster, hosts, _sink = pretend(monkeypatch, archive)
    hosts["node1"].answer("get nodes -o json", nodes(EARLY, READY, EARLY))
    machine = cluster.machine("node1")
    stopped_clock(monkeypatch)
    return machine, hosts["node1"]


@pytest.mark.parametrize(
    ("version", "plugin", "so"),
    [
        ("v1.20.4", "bridge", True),
        ("v1.20.5", "bridge", False),
        ("v1.30.0", "bridge", False),
        ("v1.20.2", "none", False),
    ],
)
def test_only_releases_with_the_bug_have_the_step(version: str, plugin: str, *, so: bool) -> None:
    document = seed(kubernetes={"version": version}, network={"plugin": plugin})
    assert eviction.forgets_dead_nodes(document) is so


def test_a_leader_older_than_the_last_ready_node_hands_over_once(machine: tuple[Machine, FakeHost]) -> None:
    here, host = machine
    Controllers(host, "node1_a", EARLY)
    want = eviction.fresh_leader()
    assert "ignores failed nodes" in want.seen(here).found
    want.reach(here)
    assert want.seen(here).so
    assert [ran.command for ran in host.ran if "kill -TERM" in ran.command] == ["kill -TERM 71"]
    assert eviction.fresh_leader().seen(here).so, "the next run has nothing to do"


@pytest.mark.parametrize(
    ("identity", "since"), [("node1_a", LATE), ("node2_a", EARLY)], ids=["it is fresh", "another machine's leads"]
)
def test_a_new_leader_or_one_elsewhere_is_not_touched(
    machine: tuple[Machine, FakeHost], identity: str, since: str
) -> None:
    here, host = machine
    Controllers(host, identity, since)
    assert eviction.fresh_leader().seen(here).so


def test_another_leader_may_take_over_between_check_and_action(machine: tuple[Machine, FakeHost]) -> None:
    here, host = machine
    Controllers(host, "node2_a", EARLY)
    eviction.fresh_leader().reach(here)
    assert not any("kill" in ran.command for ran in host.ran)


def test_a_single_node_has_nowhere_to_evict_to(machine: tuple[Machine, FakeHost]) -> None:
    here, host = machine
    host.answer("get nodes -o json", nodes(READY))
    Controllers(host, "node1_a", EARLY)
    assert eviction.fresh_leader().seen(here).so


def test_a_fast_clock_does_not_cause_a_second_handover(machine: tuple[Machine, FakeHost]) -> None:
    here, host = machine
    host.answer("get nodes -o json", nodes(READY, "2026-01-01T11:00:00Z"))
    Controllers(host, "node1_a", EARLY)
    want = eviction.fresh_leader()
    want.reach(here)
    assert want.seen(here).so


def test_an_error_is_raised_if_no_leader_takes_over(machine: tuple[Machine, FakeHost]) -> None:
    here, host = machine
    Controllers(host, "node1_a", EARLY, taken_over=False)
    with pytest.raises(NotReached, match="No kube-controller-manager leads 60 s after"):
        eviction.fresh_leader().reach(here)


def test_without_an_answer_no_leader_is_ended(
    machine: tuple[Machine, FakeHost],
) -> None:
    here, host = machine
    host.answer("get lease", 1)
    want = eviction.fresh_leader()
    for action in (want.seen, want.reach):
        with pytest.raises(NoAnswer, match="does not report whether there is a lease"):
            action(here)
    assert not any("kill" in ran.command for ran in host.ran)
