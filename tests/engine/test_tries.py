"""How often something is tried on a machine, and how long Slipway waits for one that is away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.engine import tries
from clusters.engine.events import WantSeen
from clusters.engine.step import step
from clusters.engine.wants import NoAnswer, Sight, Wanted
from clusters.errors import RemoteError
from clusters.remote.errors import CommandTimedOut, ConnectionLost, ConnectionRefused, ConnectTimedOut
from clusters.remote.host import Result
from clusters.remote.shell import sh
from tests.clock import Clock, stopped_clock
from tests.engine.test_executor import World, flag
from tests.fake_host import Answer, Ran

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Pauses without a real delay."""
    return stopped_clock(monkeypatch)


def run_with(world: World, errors: Sequence[RemoteError | None]) -> tuple[str, int]:
    """A step on b, whose commands raise these errors in a row (None: they work); returns its outcome and changes."""
    met = iter(errors)

    def answer(ran: Ran) -> Answer:
        error = next(met, None)
        if error is not None:
            return Answer(error=error)
        if "test -e" in ran.command:
            return Answer(exit_code=int("touch /flag" not in world.hosts["b"].commands))
        return Answer("running\n")

    def touch(machine: Machine) -> None:
        machine.do(sh("touch /flag"))

    @step("one/flag", on="worker", register=world.register)
    def body(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Set a flag"""
        yield Wanted(
            "a flag",
            lambda machine: Sight(machine.ask(sh("test -e /flag")).exit_code == 0, "it is not"),
            touch,
        )

    world.hosts["b"].answer("", answer)
    return str(world.run().state), world.hosts["b"].commands.count("touch /flag")


def notes(world: World) -> list[str]:
    """The log without commands and their output."""
    return [text for event in world.sink.events if (text := getattr(event, "text", ""))]


def test_a_machine_that_reboots_for_most_of_a_minute_goes_on(clock: Clock) -> None:
    world = World()
    refused = [ConnectionRefused(f"b refuses ({number}).") for number in range(18)]
    assert run_with(world, [ConnectionLost("b stopped answering."), *refused]) == ("succeeded", 1)
    said = notes(world)
    assert [text for text in said if "b refuses" in text] == [
        "b refuses (0). Trying to reach it for up to 60 s; it may be rebooting."
    ]
    assert "b answers again after 57 s; systemd reports: running" in said


def test_after_a_reboot_the_step_waits_for_the_services(clock: Clock) -> None:
    world = World()
    run_with(world, [ConnectionLost("b stopped answering.")])
    started = "timeout 45 systemctl is-system-running --wait"
    assert world.hosts["b"].commands[:3] == ["test -e /flag", started, "test -e /flag"]


def test_a_machine_that_stays_away_fails_within_two_minutes(clock: Clock) -> None:
    world, began = World(), clock.now
    assert run_with(world, [ConnectTimedOut("b does not answer.")] * 100) == ("failed", 0)
    assert 60 <= clock.now - began <= 66


def test_an_interrupted_command_is_tried_at_most_three_times(clock: Clock) -> None:
    world, began = World(), clock.now
    assert run_with(world, [ConnectionLost("b stopped answering.")] * 10) == ("failed", 0)
    assert clock.now - began == 2 * tries.PAUSE


def test_a_reachable_machine_is_not_waited_for(clock: Clock) -> None:
    world, began = World(), clock.now
    result = Result("b", "sleep 9", 124, "", "", 9.0)
    assert run_with(world, [CommandTimedOut("sleep took too long.", result=result)] * 10) == ("failed", 0)
    assert clock.now - began == 2 * tries.PAUSE
    assert not any("is-system-running" in text for text in world.hosts["b"].commands)


def test_time_counts_from_the_return_of_a_machine(clock: Clock) -> None:
    world = World()
    refused = [ConnectionRefused("b refuses.")] * 15
    assert run_with(world, [*refused, None, RemoteError("not yet", retryable=True)]) == ("succeeded", 1)


def test_a_step_continues_after_a_lost_connection_between_two_wanted_states(clock: Clock) -> None:
    world = World()
    flags: set[str] = set()
    looks: list[str] = []

    @step("one/flags", on="worker", register=world.register)
    def body(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Set two flags"""
        yield flag("first", flags)
        looks.append(machine.name)
        if len(looks) == 1:
            raise ConnectionLost("The connection to b is lost.")
        yield flag("second", flags)

    outcome = world.run()
    assert (outcome.state, outcome.changed, outcome.same) == ("succeeded", 2, 0)
    assert [event.what for event in world.sink.events if isinstance(event, WantSeen)] == [
        "first is set",
        "second is set",
    ]


def test_a_step_fails_when_its_connection_keeps_breaking(clock: Clock) -> None:
    world = World()
    flags: set[str] = set()

    @step("one/flags", on="worker", register=world.register)
    def body(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Set a flag"""
        yield flag("first", flags)
        raise ConnectionLost("The connection to b is lost.")

    assert world.run().state == "failed"
    assert clock.now - 100 == 2 * tries.PAUSE


def test_the_wait_for_another_machine_is_limited(clock: Clock) -> None:
    world = World()

    def miss(machine: Machine) -> None:
        raise ConnectTimedOut("a does not answer.")

    @step("one/flag", on="worker", register=world.register)
    def body(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Ask a on behalf of b"""
        yield Wanted("a flag of a", lambda machine: Sight(so=False), miss)

    assert world.run().state == "failed"
    assert 60 <= clock.now - 100 <= 66
    assert not any("answers again" in text for text in notes(world))


def test_the_wait_for_another_machine_between_two_wanted_states_is_limited(clock: Clock) -> None:
    world = World()
    flags: set[str] = set()

    @step("one/flag", on="worker", register=world.register)
    def body(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Ask a between two states of b"""
        yield flag("first", flags)
        raise ConnectionRefused("a refuses.")

    assert world.run().state == "failed"
    assert 60 <= clock.now - 100 <= 66


def test_a_rebooting_control_plane_is_waited_for_like_the_machine_itself(clock: Clock) -> None:
    world = World()
    errors: list[RemoteError | None] = [ConnectionLost("a stopped answering.")]
    errors += [ConnectionRefused("a refuses.")] * 10
    # It is there again; then something else passes, half a minute after the first trouble.
    errors += [None, RemoteError("a is not ready.", retryable=True)]
    met = iter(errors)

    def answer(ran: Ran) -> Answer:
        error = next(met, None)
        return Answer(error=error) if error is not None else Answer("running\n")

    @step("one/flag", on="worker", register=world.register)
    def body(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Ask a on behalf of b"""
        yield Wanted("a knows b", lambda here: Sight(cluster.first("master", here).ask(sh("get b")).ok), lambda _: None)

    world.hosts["a"].answer("", answer)
    assert world.run().state == "succeeded"
    assert "timeout 45 systemctl is-system-running --wait" in world.hosts["a"].commands
    assert world.hosts["b"].commands == []
    assert [text for text in notes(world) if text.startswith("a answers again after")]


def test_a_success_in_between_makes_the_next_trouble_a_new_one(clock: Clock) -> None:
    world = World()
    flags: set[str] = set()
    lost: list[str] = []

    @step("one/flags", on="worker", register=world.register, timeout=3600)
    def body(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Set flags, and lose the connection after each, minutes apart"""
        for name in ("first", "second", "third", "fourth", "fifth"):
            yield flag(name, flags)
            if name not in lost:
                lost.append(name)
                clock.now += 100
                raise ConnectionLost(f"The connection to b is lost after the {name}.")

    assert world.run().state == "succeeded"
    assert len(lost) == len(flags) == 5


def test_a_connection_that_breaks_again_after_minutes_of_work_is_a_new_trouble(clock: Clock) -> None:
    world = World()
    worked: list[float] = []

    def work(machine: Machine) -> None:
        worked.append(clock.now)
        if len(worked) < 3:
            clock.now += 300
            raise ConnectionLost("The connection to b is lost.")

    @step("one/flag", on="worker", register=world.register, timeout=3600)
    def body(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Work for minutes"""
        yield Wanted("it is done", lambda machine: Sight(len(worked) > 2, "it is not"), work)

    assert world.run().state == "succeeded"


def test_a_machine_that_dies_in_a_long_try_is_waited_for_a_minute_and_no_longer(clock: Clock) -> None:
    world = World()
    met: list[float] = []

    def answer(ran: Ran) -> Answer:
        met.append(clock.now)
        if len(met) > 1:
            return Answer(error=ConnectionRefused("b refuses."))
        clock.now += 90  # a command that worked for so long
        return Answer(error=ConnectionLost("b stopped answering."))

    @step("one/flag", on="worker", register=world.register, timeout=3600)
    def body(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Set a flag"""
        yield Wanted("a flag", lambda machine: Sight(machine.ask(sh("test -e /flag")).ok), lambda machine: None)

    world.hosts["b"].answer("", answer)
    assert world.run().state == "failed"
    assert 60 <= clock.now - met[1] <= 70
    assert len([text for text in notes(world) if "Trying to reach" in text]) == 1


def test_a_control_plane_may_reboot_after_its_api_server_went_silent(clock: Clock) -> None:
    world = World()
    errors: list[RemoteError | NoAnswer | None] = [NoAnswer("The API server does not answer.")] * 12
    errors += [ConnectionLost("b stopped answering.")] + [ConnectionRefused("b refuses.")] * 15 + [None]
    met = iter(errors)

    def answer(ran: Ran) -> Answer:
        error = next(met, None)
        if isinstance(error, NoAnswer):
            raise error
        return Answer(error=error) if error is not None else Answer("running\n")

    @step("one/flag", on="worker", register=world.register, timeout=3600)
    def body(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Ask the API server"""
        yield Wanted("it is so", lambda machine: Sight(machine.ask(sh("get b")).ok), lambda machine: None)

    world.hosts["b"].answer("", answer)
    assert world.run().state == "succeeded"
    assert clock.now - 100 > 60, "36 s of silence, then 45 s until it answers again"
