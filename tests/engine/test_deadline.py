"""A step's time: its timeout has an error with a reason, and people can grant more time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from clusters.config.schema import Host
from clusters.engine.deadline import OutOfTime, nothing_granted
from clusters.engine.machine import FactsOnce, Machine
from clusters.engine.wants import Sight, eventually
from clusters.remote.errors import CommandTimedOut
from clusters.remote.host import Cancel
from clusters.remote.shell import sh
from tests.fake_host import Answer, FakeHost

if TYPE_CHECKING:
    from clusters.engine.deadline import Granted


class Silent:
    """A sink that ignores events."""

    def emit(self, event: Any) -> None:
        """Nothing."""


def machine(timeout: float, granted: Granted = nothing_granted, answer: Any = "") -> Machine:
    host = FakeHost("a", [("", answer)])
    known = Machine(
        Host(name="a", address="10.0.0.1"), host, sink=Silent(), cancel=Cancel(), facts=FactsOnce(), granted=granted
    )
    return known.during("os/x", timeout=timeout, cancel=Cancel())


def test_a_command_gets_what_is_left_of_the_step_and_what_was_granted() -> None:
    slow = Answer(seconds=0.3)
    with pytest.raises(CommandTimedOut):
        machine(0.1, answer=slow).do(sh("slow"))
    assert machine(0.1, lambda step, host: 5.0, slow).do(sh("slow")).ok


def test_time_is_granted_to_one_step_on_one_machine() -> None:
    asked: list[tuple[str, str]] = []

    def granted(step: str, host: str) -> float:
        asked.append((step, host))
        return 60.0

    here = machine(1.0, granted)
    assert 60.0 < here.seconds_left() <= 61.0
    other = machine(9.0).on_behalf_of(here)
    assert other.granted == 60.0
    assert set(asked) == {("os/x", "a")}


def test_after_the_timeout_nothing_starts_but_observations_are_allowed() -> None:
    here = machine(0.0)
    with pytest.raises(OutOfTime, match=r"os/x on a was not done within 0 s"):
        here.do(sh("act"))
    with pytest.raises(OutOfTime):
        here.pause(1)
    assert here.ask(sh("look")).ok


def test_a_wait_lasts_longer_with_granted_time() -> None:
    looks: list[int] = []

    def look(here: Machine) -> Sight:
        looks.append(1)
        return Sight(len(looks) > 8, "not yet")

    eventually("it came", look, within=0.05, every=0.01).reach(machine(10.0, lambda step, host: 10.0))
    assert len(looks) == 9
    looks.clear()
    eventually("it came", look, within=0.05, every=0.01).reach(machine(10.0))
    assert len(looks) < 8
    looks.clear()
    eventually("it came", look, within=60, every=0.01).reach(machine(0.0))
    assert looks == []


def test_granted_time_does_not_extend_an_observation() -> None:
    generous = machine(10.0, lambda step, host: 600.0, Answer(seconds=0.3))
    with pytest.raises(CommandTimedOut):
        generous.ask(sh("slow"), timeout=0.1)
    assert machine(-5.0, lambda step, host: 5.2, Answer(seconds=0.1)).ask(sh("slow"), timeout=0.2).ok
