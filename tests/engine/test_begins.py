"""When nodes start: never more than there is room for, and none after a step has failed or a person cancelled."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from clusters.config.schema import Document
from clusters.engine.check import Checks
from clusters.engine.events import State, StepChanged
from clusters.engine.executor import Outcome, execute_plan
from clusters.engine.plan import make_plan
from clusters.engine.step import Register, step
from clusters.errors import InstallerError
from clusters.remote.host import Cancel
from tests.engine.test_executor import Kept
from tests.fake_host import FakeHost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

NAMES = [f"node{number}" for number in range(1, 9)]
DOCUMENT = Document.model_validate(
    {
        "hosts": [{"name": name, "address": f"10.0.0.{number}"} for number, name in enumerate(NAMES, 1)],
        "roleGroups": {"etcd": NAMES[:1], "master": NAMES[:1], "worker": NAMES},
    }
)


@pytest.fixture(autouse=True)
def _one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusters.engine.executor.STEPS_AT_ONCE", 1)


def carried_out(deed: Callable[[str, Cancel], None]) -> tuple[Outcome, list[str], list[str]]:
    """A step on eight machines with room for one: its outcome, where it started, and where the log shows that."""
    register, sink, cancel = Register(), Kept(), Cancel()
    begun: list[str] = []

    @step("one/deed", on="all", register=register)
    def body(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Do something on each machine"""
        begun.append(machine.name)
        # Long enough to queue everything.
        time.sleep(0.1)
        deed(machine.name, cancel)
        yield from ()

    outcome = execute_plan(
        make_plan(DOCUMENT, "test", steps=register, checks=Checks()),
        document=DOCUMENT,
        open_host=lambda spec: FakeHost(spec.name),
        source=None,  # type: ignore[arg-type]  # no step takes a file
        sink=sink,
        cancel=cancel,
    )
    running = [event for event in sink.events if isinstance(event, StepChanged) and event.state == State.RUNNING]
    return outcome, begun, [event.host for event in running]


def test_waiting_nodes_do_not_start_after_a_failure() -> None:
    def fail(name: str, cancel: Cancel) -> None:
        raise InstallerError("It does not work.")

    outcome, begun, told = carried_out(fail)
    assert (outcome.state, begun, told) == ("failed", ["node1"], ["node1"])


def test_waiting_nodes_do_not_start_after_a_cancel() -> None:
    outcome, begun, told = carried_out(lambda name, cancel: cancel.ask("enough"))
    assert (outcome.state, begun, told) == ("cancelled", ["node1"], ["node1"])


def test_every_node_gets_its_turn() -> None:
    outcome, begun, _ = carried_out(lambda name, cancel: None)
    assert (outcome.state, sorted(begun)) == ("succeeded", NAMES)
