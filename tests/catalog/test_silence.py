"""An API server that says nothing is waited for; nothing is taken for missing, and nothing is written, meanwhile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from clusters.catalog.kubectl import get_object
from clusters.catalog.manifests import applied
from clusters.catalog.steps.kubernetes import init
from clusters.catalog.steps.kubernetes.kept import config_map
from clusters.engine.events import Output
from clusters.engine.step import step
from clusters.engine.wants import NotReached, Sight, Wanted, eventually
from tests.catalog.pretend import pretend
from tests.clock import Clock, stopped_clock
from tests.engine.test_executor import World
from tests.fake_host import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want


REFUSED = Answer("", 1, "The connection to the server 10.99.0.11:6443 was refused")
MISSING = Answer("", 1, 'Error from server (NotFound): configmaps "cluster-info" not found')


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Pauses that take no time."""
    return stopped_clock(monkeypatch)


def asked(answers: list[Answer], *, patient: bool = False) -> tuple[str, list[str]]:
    """A step on b that looks for a ConfigMap by way of a, whose API server says these; how it ends, and the log."""
    world, left = World(), iter(answers)
    world.hosts["a"].answer("get configmap", lambda ran: next(left, Answer('{"data": {}}')))

    def look(here: Machine, cluster: Cluster) -> Sight:
        found = config_map(cluster.first("master", here), "x")
        return Sight(found is not None, "there is none")

    @step("one/look", on="worker", register=world.register, timeout=600)
    def body(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Look for a ConfigMap"""
        if patient:
            yield eventually("there is one", lambda here: look(here, cluster), within=300, every=3)
        else:
            yield Wanted("there is one", lambda here: look(here, cluster), lambda here: None)

    outcome = world.run()
    return outcome.state, [event.text for event in world.sink.events if isinstance(event, Output)]


def test_an_api_server_that_restarts_for_most_of_a_minute_is_waited_for(clock: Clock) -> None:
    state, said = asked([REFUSED] * 18)
    assert state == "succeeded"
    assert len([text for text in said if "Asking again for up to 60 s" in text]) == 1


def test_an_api_server_that_stays_silent_ends_the_step_with_what_it_said(clock: Clock) -> None:
    state, said = asked([REFUSED] * 1000)
    assert state == "failed"
    assert [text for text in said if text.startswith("failed: The API server does not say") and "refused" in text]
    assert 60 <= clock.now - 100 <= 66


def test_what_comes_by_itself_may_be_asked_of_a_silent_api_server_for_as_long_as_it_may_take(clock: Clock) -> None:
    assert asked([REFUSED] * 80, patient=True)[0] == "succeeded"


def test_missing_and_silent_are_told_apart(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    machine, host = cluster.machine("node1"), hosts["node1"]
    assert get_object(machine, "configmap", "x") is None
    said = {
        "does not say": (REFUSED, Answer("", 127, "kubectl: not found")),
        "expected JSON, found: {": (Answer("{", 0),),
    }
    for words, answer in ((words, answer) for words, answers in said.items() for answer in answers):
        host.answer("get configmap x", answer)
        with pytest.raises(NotReached, match=words) as caught:
            get_object(machine, "configmap", "x")
        assert caught.value.retryable is (answer.exit_code != 127), "nobody waits for a program that is not there"


def test_parts_of_kubeadm_are_missing_only_where_the_api_server_says_so(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node1"].answer("get configmap cluster-info", MISSING)
    assert "parts that kubeadm adds are missing" in init._looks_whole(cluster.machine("node1"), cluster).found
    hosts["node1"].answer("get configmap cluster-info", REFUSED)
    with pytest.raises(NotReached, match=r"does not say which parts of kubeadm are there: .*refused"):
        init._looks_whole(cluster.machine("node1"), cluster)


def test_objects_are_missing_only_where_the_api_server_says_so(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    machine = cluster.machine("node1")
    want = applied("net", lambda here: [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}])
    recorded: list[str] = []
    hosts["node1"].answer(
        "apply --server-side", lambda ran: (recorded.append((ran.stdin or b"").decode()), Answer())[1]
    )
    want.reach(machine)
    hosts["node1"].answer("get configmap slipway-applied-net", json.dumps(yaml.safe_load(recorded[-1])))
    assert want.seen(machine).so
    hosts["node1"].answer("secret/s -o name", MISSING)
    assert not want.seen(machine).so
    hosts["node1"].answer("secret/s -o name", REFUSED)
    with pytest.raises(NotReached, match="does not say whether there is secret/s"):
        want.seen(machine)
