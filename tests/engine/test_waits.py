"""A wait lasts as many seconds as it should, however long an observation takes."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import clusters
from clusters.catalog.staticpod import StaticPod
from clusters.engine.machine import FactsOnce, Machine
from clusters.engine.wants import NotReached, Sight, eventually
from clusters.remote.host import Cancel
from clusters.remote.shell import sh
from tests.catalog.pretend import Kept, manifest, seed
from tests.clock import Clock, stopped_clock
from tests.fake_host import FakeHost

if TYPE_CHECKING:
    from collections.abc import Iterator

SLOW = 30.0
"""Seconds that an observation takes: longer than kubectl's own timeout without an answer."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time passes only in observations and pauses."""
    return stopped_clock(monkeypatch)


def machine() -> Machine:
    return Machine(seed().hosts[0], FakeHost("node1"), sink=Kept(), cancel=Cancel(), facts=FactsOnce())


def test_slow_observations_do_not_extend_a_wait(clock: Clock) -> None:
    looks: list[float] = []

    def look(here: Machine) -> Sight:
        looks.append(clock.now)
        clock.now += SLOW
        return Sight(False, "not yet")

    began = clock.now
    eventually("it came", look, within=60).reach(machine())
    assert len(looks) == 2
    assert clock.now - began <= 60 + SLOW


def test_quick_observations_continue_to_the_end_with_a_last_one_there(clock: Clock) -> None:
    looks: list[float] = []
    began = clock.now
    for _ in machine().looks(10.0, every=3.0):
        looks.append(clock.now - began)
    assert looks == [0.0, 3.0, 6.0, 9.0, 10.0]


def test_a_wait_uses_the_looks_before_and_behind_it(clock: Clock) -> None:
    """The engine looks, waits, and looks again: none of these looks is made twice in the same moment."""
    here, looks, began = machine(), 0, clock.now

    def look(machine: Machine) -> Sight:
        nonlocal looks
        looks += 1
        return Sight(looks > 2, f"look {looks}")

    want = eventually("it came", look, within=60, every=1)
    assert want.seen(here).found == "look 1"
    want.reach(here)
    assert want.seen(here).so
    assert (looks, clock.now - began) == (3, 2.0)


def test_a_look_long_after_a_wait_is_a_new_one(clock: Clock) -> None:
    here, answers = machine(), [True, False, False]
    want = eventually("it came", lambda machine: Sight(answers.pop(0)), within=60, every=1)
    want.reach(here)
    assert [want.seen(here).so for _ in range(3)] == [True, False, False]


def test_a_slow_control_plane_gets_its_old_manifest_back_in_time(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(self: StaticPod, here: Machine, old: frozenset[str]) -> Sight:
        clock.now += SLOW
        return Sight(False, "it does not run")

    monkeypatch.setattr(StaticPod, "_runs", slowly)
    here, began = machine(), clock.now
    here.put(b"before", "/x.yaml")
    with pytest.raises(NotReached):
        StaticPod("kube-scheduler", "/x.yaml", manifest("kube-scheduler"), sh("true")).reach(here)
    assert here.read("/x.yaml") == b"before"
    assert clock.now - began < 200


COUNTED = {
    "engine/machine.py": "this is the one that asks the clock",
    "catalog/turns.py": "waits for another machine, as long as the step has time",
    "catalog/sources/download.py": "waits for another download, as long as somebody wants the file",
    "catalog/steps/etcd/members.py": "asks three times, and no longer",
}
"""File -> why a loop in it pauses without `Machine.looks`."""


def loops_that_pause(path: Path) -> Iterator[int]:
    text = path.read_text()
    for node in ast.walk(ast.parse(text)) if ".pause" in text else ():
        if isinstance(node, ast.For | ast.While):
            calls = (each for each in ast.walk(node) if isinstance(each, ast.Call))
            if any(isinstance(call.func, ast.Attribute) and call.func.attr == "pause" for call in calls):
                yield node.lineno


def test_no_loop_counts_its_pauses_instead_of_the_time() -> None:
    root = Path(clusters.__file__).parent
    found = {
        str(path.relative_to(root))
        for folder in ("engine", "catalog")
        for path in (root / folder).rglob("*.py")
        if any(loops_that_pause(path))
    }
    assert found == set(COUNTED)
