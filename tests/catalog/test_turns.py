"""Taking turns: the first machine alone, then as many as allowed, and none after a failure."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from clusters.catalog.turns import in_turn, turn
from clusters.engine.events import Output
from clusters.engine.step import step
from clusters.engine.wants import NotReached, Sight, Wanted
from clusters.errors import Cancelled
from clusters.remote.errors import ConnectionLost
from clusters.remote.shell import sh
from tests.catalog.pretend import pretend
from tests.engine.test_executor import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clusters.engine.cluster import Cluster
    from clusters.engine.executor import Outcome
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

NAMES = ("node1", "node2", "node3")


def test_after_a_failure_no_other_machine_starts_but_a_retry_may(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, _, _ = pretend(monkeypatch, archive)
    one, two = cluster.machine("node1"), cluster.machine("node2")
    with pytest.raises(NotReached), turn(one, cluster, "change"):
        raise NotReached("it broke")
    with pytest.raises(Cancelled, match="failed on node1"), turn(two, cluster, "change"):
        pytest.fail("it was started")
    with turn(one, cluster, "change"):
        pass
    with turn(two, cluster, "change"):
        pass


def test_the_first_machine_works_alone_and_then_several(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive)
    inside: set[str] = set()
    crowds: list[int] = []
    both = threading.Barrier(2, timeout=10)

    def work(name: str) -> None:
        with turn(cluster.machine(name), cluster, "change", at_once=2):
            inside.add(name)
            crowds.append(len(inside))
            if len(crowds) > 1:
                both.wait()
            inside.discard(name)

    work("node1")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, NAMES[1:]))
    assert crowds[0] == 1 and max(crowds) == 2


def test_a_turn_ends_with_the_reached_state_and_stopped_services_need_none(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    reached: list[str] = []

    def look(machine: Machine) -> Sight:
        return Sight(machine.name in reached and machine.name != "node1", "it is off")

    want = in_turn(
        Wanted("it is on", look, lambda machine: reached.append(machine.name)),
        cluster,
        "change",
        running=sh("is-it-on"),
    )
    hosts["node3"].answer("is-it-on", 3)
    with pytest.raises(NotReached, match=r"Expected on node1: it is on\. Found: it is off"):
        want.reach(cluster.machine("node1"))
    want.reach(cluster.machine("node3"))
    with pytest.raises(Cancelled):
        want.reach(cluster.machine("node2"))
    assert reached == ["node1", "node3"]


def restarts(monkeypatch: pytest.MonkeyPatch, losses: int) -> tuple[Outcome, list[str], list[str]]:
    """A change in turns on two machines; the first one to start loses its connection so many times."""
    world = World()
    started: list[str] = []
    lost: list[str] = []
    monkeypatch.setattr("clusters.engine.tries.PAUSE", 0.3)

    def change(machine: Machine) -> None:
        if not started or (started[0] == machine.name and len(lost) < losses):
            started[:] = started or [machine.name]
            lost.append(machine.name)
            raise ConnectionLost(f"The connection to {machine.name} is lost.")
        started.append(machine.name)

    @step("one/change", on="all", register=world.register)
    def body(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Change something in turns"""
        yield in_turn(Wanted("it is on", lambda here: Sight(here.name in started[1:]), change), cluster, "change")

    return world.run(), started[1:], [event.text for event in world.sink.events if isinstance(event, Output)]


def test_a_lost_connection_in_a_turn_does_not_cancel_other_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, changed, _ = restarts(monkeypatch, losses=1)
    assert (outcome.state, sorted(changed)) == ("succeeded", ["a", "b"])


def test_the_others_wait_for_the_outcome_and_do_not_start_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, changed, log = restarts(monkeypatch, losses=9)
    assert (outcome.state, changed) == ("failed", [])
    assert len([text for text in log if "Change was not started here, because it failed on" in text]) == 1
