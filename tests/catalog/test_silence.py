"""A step waits for an API server that does not answer; meanwhile nothing counts as missing and nothing is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from clusters.catalog.kubectl import get_object
from clusters.catalog.manifests import applied_objects
from clusters.catalog.steps.kubernetes import init
from clusters.catalog.steps.kubernetes.stored_configuration import config_map
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
    from tests.fake_host import Ran


REFUSED = Answer("", 1, "The connection to the server 10.99.0.11:6443 was refused")
MISSING = Answer("", 1, 'Error from server (NotFound): configmaps "cluster-info" not found')


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Pauses that take no time."""
    return stopped_clock(monkeypatch)


def run_step(answers: list[Answer], *, patient: bool = False) -> tuple[str, list[str]]:
    """A step on b that looks for a ConfigMap through a, whose API server gives these answers; its state and the log."""
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


def test_a_step_waits_most_of_a_minute_for_an_api_server(clock: Clock) -> None:
    state, log = run_step([REFUSED] * 18)
    assert state == "succeeded"
    assert len([text for text in log if "Asking again for up to 60 s" in text]) == 1


def test_an_api_server_that_stays_silent_ends_the_step_with_its_error(clock: Clock) -> None:
    state, log = run_step([REFUSED] * 1000)
    assert state == "failed"
    assert [text for text in log if text.startswith("failed: The API server does not report") and "refused" in text]
    assert 60 <= clock.now - 100 <= 66


def test_an_eventual_state_may_wait_for_a_silent_api_server_to_its_limit(clock: Clock) -> None:
    assert run_step([REFUSED] * 80, patient=True)[0] == "succeeded"


def test_a_missing_object_differs_from_a_missing_answer(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    machine, host = cluster.machine("node1"), hosts["node1"]
    assert get_object(machine, "configmap", "x") is None
    expected = {
        "does not report": (REFUSED, Answer("", 127, "kubectl: not found")),
        "expected to print JSON; found: {": (Answer("{", 0),),
    }
    for words, answer in ((words, answer) for words, answers in expected.items() for answer in answers):
        host.answer("get configmap x", answer)
        with pytest.raises(NotReached, match=words) as caught:
            get_object(machine, "configmap", "x")
        assert caught.value.retryable is (answer.exit_code != 127), "nothing waits for a missing program"


def test_kubeadms_parts_are_missing_only_if_the_api_server_reports_it(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node1"].answer("get configmap cluster-info", MISSING)
    assert "parts that kubeadm adds are missing" in init._looks_whole(cluster.machine("node1"), cluster).found
    hosts["node1"].answer("get configmap cluster-info", REFUSED)
    with pytest.raises(NotReached, match=r"does not report which parts of kubeadm exist: .*refused"):
        init._looks_whole(cluster.machine("node1"), cluster)


def test_objects_are_missing_only_if_the_api_server_reports_it(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    machine = cluster.machine("node1")
    want = applied_objects("net", lambda here: [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}])
    recorded: list[str] = []

    def record(ran: Ran) -> Answer:
        recorded.append((ran.stdin or b"").decode())
        return Answer()

    hosts["node1"].answer("apply --server-side", record)
    want.reach(machine)
    hosts["node1"].answer("get configmap slipway-applied-net", json.dumps(yaml.safe_load(recorded[-1])))
    assert want.seen(machine).so
    hosts["node1"].answer("secret/s -o name", MISSING)
    assert not want.seen(machine).so
    hosts["node1"].answer("secret/s -o name", REFUSED)
    with pytest.raises(NotReached, match="does not report whether secret/s exists"):
        want.seen(machine)
