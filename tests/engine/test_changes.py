"""Changes of a machine are logged and never made in a dry run; a step cleans up whenever it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.config.schema import Host
from clusters.engine.check import precheck
from clusters.engine.events import Failed, Output
from clusters.engine.machine import FactsOnce, Machine
from clusters.engine.step import step
from clusters.engine.wants import Sight, Wanted
from clusters.errors import Cancelled, InstallerError
from clusters.remote.errors import ConnectionLost
from clusters.remote.host import Cancel
from clusters.remote.shell import sh
from tests.clock import stopped_clock
from tests.engine.test_executor import Kept, World
from tests.fake_host import FakeHost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster
    from clusters.engine.wants import Want

CHANGES: dict[str, Callable[[Machine], object]] = {
    "do": lambda machine: machine.do(sh("touch /x")),
    "put": lambda machine: machine.put(b"x", "/x"),
    "clear_up": lambda machine: machine.clear_up(sh("rm -f /x")),
}


def machine_with_log(cancel: Cancel | None = None) -> tuple[Machine, FakeHost, Kept]:
    host, sink = FakeHost("a"), Kept()
    known = Machine(Host(name="a", address="10.0.0.1"), host, sink=sink, cancel=cancel or Cancel(), facts=FactsOnce())
    return known, host, sink


def log(sink: Kept) -> list[str]:
    return [event.text for event in sink.events if isinstance(event, Output)]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_observation_cannot_change_a_machine_in_a_dry_run(
    change: Callable[[Machine], object],
) -> None:
    world = World()

    def look(here: Machine, cluster: Cluster) -> Sight:
        here.ask(sh("look here"))
        other = cluster.machine("a").on_behalf_of(here)
        other.ask(sh("look there"))
        with other.uncut("looking") as whole:
            change(whole)
        return Sight(True)

    @step("one/look", on="worker", register=world.register)
    def body(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Change another machine in a look"""
        yield Wanted("it is so", lambda here: look(here, cluster), lambda here: None)

    assert world.run(dry_run=True).state == "failed"
    assert (world.hosts["a"].commands, world.hosts["a"].files) == (["look there"], {})
    (failed,) = [event for event in world.sink.events if isinstance(event, Failed)]
    assert "one/look was about to change a where it may only observe" in failed.found
    assert world.run().state == "succeeded", "it is a run's to act"


def test_a_precheck_cannot_change_a_machine() -> None:
    world = World()

    @precheck("x.y", on="worker", register=world.checks)
    def body(machine: Machine, cluster: Cluster) -> Iterator[Finding]:
        """A file is made in passing"""
        machine.do(sh("touch /x"))
        yield from ()

    @step("one/nothing", on="worker", register=world.register)
    def nothing(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Do nothing on the worker"""
        yield from ()

    assert world.run().state == "failed"
    assert world.hosts["b"].commands == []


def test_a_step_cleans_up_after_a_cancel_and_after_its_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, cancel = stopped_clock(monkeypatch), Cancel()
    machine, host, sink = machine_with_log()
    here = machine.during("one/x", timeout=60, cancel=cancel)
    cancel.ask("Somebody asked.")
    clock.now += 3600
    with pytest.raises(Cancelled):
        here.do(sh("true"))
    here.clear_up(sh("rm -f /x"))
    assert host.commands == ["rm -f /x"]
    assert log(sink) == ["$ rm -f /x"]


def test_a_failed_cleanup_is_logged_and_hides_no_other_error() -> None:
    machine, host, sink = machine_with_log()
    host.answer("/y", 1)
    host.answer("/x", ConnectionLost("The connection to a is lost."))
    with pytest.raises(InstallerError, match="the reason"):
        try:
            raise InstallerError("the reason")
        finally:
            machine.clear_up(sh("rm -f /x"))
    machine.clear_up(sh("rm -f /y"))
    assert log(sink)[1::2] == [
        "cleaning up on a failed: The connection to a is lost.",
        "cleaning up on a failed: exit code 1",
    ]


def test_secret_output_of_a_command_is_not_logged() -> None:
    machine, host, sink = machine_with_log()
    host.answer("token create", "abcdef.0123456789abcdef\n")
    assert machine.do(sh("kubeadm token create"), hidden=True).stdout.startswith("abcdef.")
    assert log(sink) == ["$ kubeadm token create"]
