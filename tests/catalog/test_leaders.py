"""Who stands for a group in a run: what runs already, and is well, before what is only listed."""

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


def led(**said: Any) -> dict[str, str]:
    """The leaders, when machines answer so; who is not named is fresh."""
    hosts = {each: FakeHost(each, [("cluster.json", said.get(each, "\n"))]) for each in NAMES}
    return find_leaders(THREE, lambda spec: hosts[spec.name], Cancel())


def test_on_fresh_machines_nobody_leads_and_the_first_listed_begins() -> None:
    assert led() == {}
    plan = make_plan(THREE, leaders={})
    assert plan.step("kubernetes/init").hosts == ("node1",)


@pytest.mark.parametrize(
    ("said", "leader"),
    [
        ({"node1": "authority initialised answers", "node2": "initialised answers"}, "node1"),
        ({"node2": "initialised answers", "node3": "initialised answers"}, "node2"),
        ({"node1": "initialised", "node3": "initialised answers"}, "node3"),
        ({"node2": "initialised", "node3": "initialised"}, "node2"),
    ],
)
def test_the_first_whose_api_server_answers_leads_or_else_the_first_that_ever_did(
    said: dict[str, str], leader: str
) -> None:
    assert led(**{each: CLAIMED + words for each, words in said.items()})["master"] == leader


def test_a_machine_of_another_cluster_or_one_that_is_lost_does_not_lead() -> None:
    other = CLAIMED.replace("sample", "other") + "authority initialised answers"
    assert led(node1=other, node2=ConnectionLost("gone")) == {}
    assert led(node1=other, node3=CLAIMED + "initialised answers authority") == {"master": "node3", "etcd": "node3"}


def test_a_machine_that_is_silent_is_not_waited_for_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusters.catalog.leaders.LOOK_SECONDS", 0.2)
    still = threading.Event()

    def waits(ran: object) -> Answer:
        still.wait(10)
        return Answer()

    assert led(node1=waits, node2=CLAIMED + "initialised answers") == {"master": "node2"}
    still.set()


def test_the_plan_begins_with_the_leader_and_the_first_listed_joins_it() -> None:
    plan = make_plan(THREE, leaders={"master": "node2", "etcd": "node3"})
    assert plan.step("kubernetes/init").hosts == ("node2",)
    assert plan.step("kubernetes/join-control-plane").hosts == ("node1", "node3")
    assert plan.step("etcd/authority").hosts == ("node3",)


def test_a_machine_joins_by_way_of_the_leader_and_stays_with_its_own_api_server(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, THREE, leaders={"master": "node2"})
    machine = cluster.machine("node1")
    assert cluster.first("master", machine).name == "node2"
    assert name.first_address(cluster) == ADDRESSES["node2"]
    assert name.lasting_address(machine, cluster) == ADDRESSES["node1"]
