"""Executing plans: order, unchanged states, truthful failures, cancel, dry runs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from clusters.config.schema import Document
from clusters.engine.check import Checks, error, precheck, waiver, warning
from clusters.engine.events import CheckFound, Event, Failed, Output, StepChanged
from clusters.engine.executor import Outcome, execute_plan
from clusters.engine.plan import make_plan
from clusters.engine.recipe import recipe
from clusters.engine.step import Register, step
from clusters.engine.wants import Sight, Wanted, command, file
from clusters.errors import PlanError, RemoteError
from clusters.remote.host import Cancel
from clusters.remote.shell import sh
from tests.fake_host import FakeHost
from tests.plans import waits_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

recipe("test", "Test", "precheck", "one", "two")

DOCUMENT = Document.model_validate(
    {
        "hosts": [{"name": name, "address": f"10.0.0.{number}"} for number, name in enumerate(("a", "b"), 1)],
        "roleGroups": {"etcd": ["a"], "master": ["a"], "worker": ["b"]},
    }
)


class Kept:
    """Stores events; safe for any thread."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        """Store it."""
        self.events.append(event)

    def states(self) -> list[tuple[str, str, str]]:
        """Step, host and state of everything that is over."""
        told = [event for event in self.events if isinstance(event, StepChanged) and event.state != "running"]
        return [(event.step, event.host, str(event.state)) for event in told]


class World:
    """Two pretend machines, a register, checks and a sink."""

    def __init__(self) -> None:
        self.hosts = {name: FakeHost(name) for name in ("a", "b")}
        self.register, self.checks, self.sink, self.cancel = Register(), Checks(), Kept(), Cancel()

    def run(self, *, dry_run: bool = False, waivers: tuple[str, ...] = ()) -> Outcome:
        """Execute everything that was declared."""
        return execute_plan(
            make_plan(DOCUMENT, "test", steps=self.register, checks=self.checks),
            document=DOCUMENT,
            open_host=lambda spec: self.hosts[spec.name],
            source=None,  # type: ignore[arg-type]  # no step takes a file
            sink=self.sink,
            cancel=self.cancel,
            waivers=waivers,
            dry_run=dry_run,
        )


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A new world, in which nobody waits long between tries."""
    monkeypatch.setattr("clusters.engine.tries.PAUSE", 0.01)
    return World()


def flag(name: str, flags: set[str]) -> Want:
    """A wanted state: a word is in a set."""
    return Wanted(f"{name} is set", lambda machine: Sight(name in flags, "it is not"), lambda machine: flags.add(name))


def test_a_second_run_changes_nothing(world: World) -> None:
    flags: set[str] = set()

    @step("one/flag", on="all", register=world.register)
    def body(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Set a flag on each machine"""
        yield flag(machine.name, flags)

    first, second = world.run(), world.run()
    assert (first.state, first.changed, first.same) == ("succeeded", 2, 0)
    assert (second.state, second.changed, second.same) == ("succeeded", 0, 2)


def test_a_step_waits_only_for_steps_that_it_needs(world: World) -> None:
    order: list[str] = []

    @step("one/first", on="all", register=world.register)
    def first(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Go first on every machine"""
        order.append(f"first {machine.name}")
        yield from ()

    @step("two/second", on="worker", needs_all=("one/first",), register=world.register)
    def second(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Go second on the worker"""
        order.append(f"second {machine.name}")
        yield from ()

    assert world.run().state == "succeeded"
    assert order[-1] == "second b" and len(order) == 3


def test_exit_code_zero_is_not_success(world: World) -> None:
    @step("one/liar", on="worker", register=world.register)
    def body(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Trust observations, not exit codes"""
        yield command("the light is on", sh("switch on"), unless=sh("test -e /light"))

    world.hosts["b"].answer("test -e /light", 1)
    outcome = world.run()
    assert outcome.state == "failed" and "switch on" in world.hosts["b"].commands[1]
    (failure,) = outcome.failures
    assert failure.host == "b" and "the light is on" in failure.found


def test_steps_that_depend_on_a_failed_step_do_not_start(world: World) -> None:
    @step("one/breaks", on="worker", register=world.register)
    def breaks(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Break on the worker"""
        raise RemoteError("The cable is out.", hint="Put it in.")
        yield

    @step("two/after", on="all", needs_all=("one/breaks",), register=world.register)
    def after(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Never come to this"""
        yield flag("never", set())

    outcome = world.run()
    assert outcome.state == "failed"
    assert world.sink.states() == [("one/breaks", "b", "failed")]
    (told,) = [event for event in world.sink.events if isinstance(event, Failed)]
    assert (told.found, told.hint) == ("The cable is out.", "Put it in.")


def test_a_retryable_error_is_tried_again(world: World) -> None:
    tries: list[int] = []

    def act(machine: Machine) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise RemoteError("Not yet.", retryable=True)

    @step("one/patient", on="worker", register=world.register)
    def body(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Try until it works"""
        yield Wanted("it worked", lambda here: Sight(len(tries) == 3), act)

    assert world.run().state == "succeeded" and len(tries) == 3


def test_all_prechecks_report_before_anything_changes(world: World) -> None:
    @precheck("x.bad", register=world.checks)
    def bad(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
        """Everything is bad on every machine"""
        yield error(f"{machine.name} is bad.")

    @precheck("x.meh", register=world.checks)
    def meh(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
        """Something is odd on every machine"""
        yield warning("odd")

    flags: set[str] = set()

    @step("one/flag", on="all", register=world.register)
    def body(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Set a flag on each machine"""
        yield flag(machine.name, flags)

    assert world.run().state == "failed"
    assert flags == set()
    assert len([event for event in world.sink.events if isinstance(event, CheckFound)]) == 4
    assert world.run(waivers=("x.bad",)).state == "succeeded"
    assert flags == {"a", "b"}


def test_a_waiver_covers_only_what_it_names(world: World) -> None:
    @precheck("x.bad", register=world.checks)
    def bad(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
        """Everything is bad on every machine"""
        yield error(f"{machine.name} is bad.")

    @precheck("x.never", waivable=False, register=world.checks)
    def never(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
        """Nothing here can be waived"""
        if "x.never" in said:
            yield error(f"{machine.name} is beyond help.")

    said: list[str] = []
    assert [failure.host for failure in world.run(waivers=("x.bad@a",)).failures] == ["b"]
    assert world.run(waivers=("x.bad@a", "x.bad@b")).state == "succeeded"
    for waivers in (("x.bad@a:warning", "x.bad@b:warning"), ("x.ba", "x.bad@", "@a", "a")):
        assert len(world.run(waivers=waivers).failures) == 2, waivers
    said.append("x.never")
    assert len(world.run(waivers=("x.bad", "x.never", "x.never@a")).failures) == 2


def test_a_waived_warning_is_reported_as_waived(world: World) -> None:
    @precheck("x.meh", register=world.checks)
    def meh(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
        """Something is odd on every machine"""
        yield warning("odd")

    world.run(waivers=(waiver("x.meh", "a", "warning"),))
    told = {event.host: event.waived for event in world.sink.events if isinstance(event, CheckFound)}
    assert told == {"a": True, "b": False}


def test_a_precheck_is_repeated_after_a_broken_connection(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusters.engine.tries.PAUSE", 0.0)
    asked: list[str] = []

    @precheck("x.shaky", register=world.checks)
    def shaky(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
        """The connection holds"""
        asked.append(machine.name)
        if asked.count("b") == 1 and machine.name == "b":
            raise RemoteError("The connection to b is lost.", retryable=True)
        yield warning(f"{machine.name} was looked at.")

    outcome = world.run()
    assert outcome.state == "succeeded"
    assert sorted(asked) == ["a", "b", "b"]
    assert [event.host for event in world.sink.events if isinstance(event, CheckFound)].count("b") == 1


def test_a_dry_run_changes_nothing_and_shows_the_difference(world: World) -> None:
    @step("one/file", on="worker", register=world.register)
    def body(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Write a file on the worker"""
        yield file("/etc/x", "new\n")

    world.hosts["b"].answer("sha256sum", 1)
    assert world.run(dry_run=True).changed == 1
    assert world.hosts["b"].files == {}
    wants = [event for event in world.sink.events if event.kind == "want"]
    assert wants[0].data()["state"] == "would" and "+new" in wants[0].data()["diff"]


def test_a_cancel_stops_the_walk_but_not_an_uncut_step(world: World) -> None:
    begun = threading.Event()
    finished: list[int] = []

    @step("one/critical", on="control-plane", uncut=True, register=world.register)
    def critical(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Finish whatever happens"""
        begun.set()
        world.cancel.wait(5)
        yield Wanted("done", lambda here: Sight(bool(finished)), lambda here: finished.append(1))

    @step("two/later", on="all", needs_all=("one/critical",), register=world.register)
    def later(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Never come to this"""
        yield flag("never", set())

    def cancel() -> None:
        if begun.wait(5):
            world.cancel.ask("Cancelled by alice.")

    asker = threading.Thread(target=cancel)
    asker.start()
    outcome = world.run()
    asker.join()
    assert outcome.state == "cancelled" and finished == [1]
    assert world.sink.states() == [("one/critical", "a", "changed")]


def test_a_cancel_waits_for_an_uncut_part_but_not_for_the_rest_of_its_step(world: World) -> None:
    done: list[str] = []

    def notes() -> list[str]:
        return [event.text for event in world.sink.events if isinstance(event, Output) and "interrupted" in event.text]

    def reach(machine: Machine) -> None:
        with machine.uncut("joining etcd") as whole:
            world.cancel.ask("Cancelled by alice.")
            for _ in range(500):
                if notes():
                    break
                whole.pause(0.01)
            done.append("joined")
        machine.pause(0.01)
        done.append("never")

    @step("one/joins", on="control-plane", register=world.register)
    def joins(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Join something"""
        yield Wanted("joined", lambda here: Sight(False), reach)

    assert world.run().state == "cancelled"
    assert done == ["joined"]
    assert notes() == ["Joining etcd can't be interrupted safely; it will finish first."]


def test_an_empty_plan_is_refused(world: World) -> None:
    with pytest.raises(PlanError, match="empty"):
        world.run()


def test_steps_in_a_circle_are_refused(world: World) -> None:
    @step("one/x", on="all", needs=("one/y",), register=world.register)
    def first(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Wait for the other for ever"""
        yield from ()

    @step("one/y", on="all", needs=("one/x",), register=world.register)
    def second(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Wait for the first for ever"""
        yield from ()

    with pytest.raises(PlanError, match="circle"):
        world.run()


def test_unreadable_machines_are_left_out_of_comparisons(world: World) -> None:
    seen: list[tuple[str, ...]] = []

    @precheck("x.compares", register=world.checks)
    def compares(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
        """Machines are compared with those that can be read"""
        seen.append(tuple(each.name for each in cluster.readable()))
        yield from ()

    world.hosts["a"].answer("put kernel", "kernel=6.1.0\n")
    world.hosts["b"].lost = True
    assert world.run().state == "succeeded"
    assert seen == [("a",), ("a",)]


def test_a_step_that_waits_for_another_waits_for_prechecks_through_it(world: World) -> None:
    @precheck("x.fine", register=world.checks)
    def fine(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
        """All is well on every machine"""
        yield from ()

    for path, needs in (("one/first", ()), ("two/second", ("one/first",))):
        step(path, on="all", needs=needs, register=world.register)(_nothing)
    plan = make_plan(DOCUMENT, "test", steps=world.register, checks=world.checks)
    assert waits_for(plan, ("one/first", "b")) == {("precheck/x.fine", "a"), ("precheck/x.fine", "b")}
    assert waits_for(plan, ("two/second", "b")) == {("one/first", "b")}


def _nothing(machine: Machine, cluster: Cluster) -> Iterator[Want]:
    """Want nothing at all"""
    yield from ()


def test_an_unreadable_machine_is_reported_once(world: World) -> None:
    @precheck("access.facts", register=world.checks)
    def facts(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
        """The machine can be read at all"""
        machine.note(machine.facts.kernel)
        yield from ()

    @precheck("a.before.by.name", register=world.checks)
    def other(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
        """Another precheck on each machine"""
        machine.ask(sh("true"))
        yield warning("Seen.")

    @step("one/never", on="all", register=world.register)
    def never(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Never come to this"""
        yield flag("never", set())

    world.hosts["a"].answer("put kernel", "kernel=6.1.0\n")
    world.hosts["b"].lost = True
    outcome = world.run()
    assert outcome.state == "failed" and [each.step for each in outcome.failures] == ["precheck/access.facts"]
    assert sorted(world.sink.states()) == [
        ("precheck/a.before.by.name", "a", "warning"),
        ("precheck/a.before.by.name", "b", "skipped"),
        ("precheck/access.facts", "a", "same"),
        ("precheck/access.facts", "b", "failed"),
    ]
