"""Which machine leads a group in a run: one that already runs and is healthy, before one that is only listed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.leaders import find_leaders
from clusters.catalog.load_balancers import name
from clusters.engine.plan import make_plan
from clusters.remote.errors import ConnectionLost
from clusters.remote.host import Cancel
from tests.catalog.pretend import ADDRESSES, pretend, seed
from tests.fake_host import Answer, FakeHost

if TYPE_CHECKING:
    from pathlib import Path

NAMES = tuple(ADDRESSES)
THREE = seed(
    roleGroups={"etcd": list(NAMES), "master": list(NAMES), "worker": list(NAMES)},
    controlPlaneEndpoint={"internalLoadbalancer": "haproxy"},
)
CLAIMED = '{"cluster": "sample", "node": "x"}\n'


def leaders(**answers: Any) -> dict[str, str]:
    """The leaders for these answers of machines; machines without an answer are fresh."""
    hosts = {each: FakeHost(each, [("cluster.json", answers.get(each, "\n"))]) for each in NAMES}
    return find_leaders(THREE, lambda spec: hosts[spec.name], Cancel())


def test_fresh_machines_have_no_leader_and_the_first_listed_starts() -> None:
    assert leaders() == {}
    plan = make_plan(THREE, leaders={})
    assert plan.step("kubernetes/init").hosts == ("node1",)


@pytest.mark.parametrize(
    ("answers", "leader"),
    [
        ({"node1": "authority initialised answers", "node2": "initialised answers"}, "node1"),
        ({"node2": "initialised answers", "node3": "initialised answers"}, "node2"),
        ({"node1": "initialised", "node3": "initialised answers"}, "node3"),
        ({"node2": "initialised", "node3": "initialised"}, "node2"),
    ],
)
def test_the_first_answering_control_plane_leads_else_the_first_initialised(
    answers: dict[str, str], leader: str
) -> None:
    assert leaders(**{each: CLAIMED + words for each, words in answers.items()})["master"] == leader


def test_a_lost_machine_or_one_of_another_cluster_does_not_lead() -> None:
    other = CLAIMED.replace("sample", "other") + "authority initialised answers"
    assert leaders(node1=other, node2=ConnectionLost("gone")) == {}
    assert leaders(node1=other, node3=CLAIMED + "initialised answers authority") == {"master": "node3", "etcd": "node3"}


def test_the_wait_for_a_silent_machine_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusters.catalog.leaders.LOOK_SECONDS", 0.2)
    still = threading.Event()

    def waits(ran: object) -> Answer:
        still.wait(10)
        return Answer()

    assert leaders(node1=waits, node2=CLAIMED + "initialised answers") == {"master": "node2"}
    still.set()


def test_the_plan_starts_with_the_leader_and_the_first_listed_joins_it() -> None:
    plan = make_plan(THREE, leaders={"master": "node2", "etcd": "node3"})
    assert plan.step("kubernetes/init").hosts == ("node2",)
    assert plan.step("kubernetes/join-control-plane").hosts == ("node1", "node3")
    assert plan.step("etcd/authority").hosts == ("node3",)


def test_a_machine_joins_through_the_leader_and_uses_its_own_api_server(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, THREE, {"master": "node2"})
    machine = cluster.machine("node1")
    assert cluster.first("master", machine).name == "node2"
    assert name.first_address(cluster) == ADDRESSES["node2"]
    assert name.lasting_address(machine, cluster) == ADDRESSES["node1"]
