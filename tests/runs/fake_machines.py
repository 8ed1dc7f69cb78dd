"""The real engine on fake machines, used through SLIPWAY_RUN_ON_MACHINES in tests of runs and previews."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from clusters.config.secret import Secret
from clusters.engine.check import Checks
from clusters.engine.executor import Outcome, execute_plan
from clusters.engine.plan import make_plan
from clusters.engine.step import Register, step
from clusters.engine.wants import Sight, Wanted, file
from clusters.errors import InstallerError
from tests.fake_host import Answer, FakeHost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clusters.engine.cluster import Cluster
    from clusters.engine.events import Sink
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want
    from clusters.remote.host import Cancel
    from clusters.runs.task import Task

FILES: dict[str, FakeHost] = {}
"""Machines by name, in the state after the last run."""


def steps() -> Register:
    """A file, a kubeconfig, and a step that needs what was made before."""
    register = Register()

    @step("os/prepare", on="all", register=register)
    def prepare(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Write the file"""
        yield Wanted("the machine is there", lambda machine: Sight(True), lambda machine: None)
        yield file("/etc/days", f"{cluster.answers.get('days', 'none')}\n")

    @step("os/deliver", on="first-control-plane", register=register)
    def deliver(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Hand over the kubeconfig"""
        cluster.deliver("kubeconfig", Secret("kind: Config\n"))
        cluster.observe("nodes", [{"name": "node1", "ready": True}])
        yield Wanted("it was handed over", lambda machine: Sight(True), lambda machine: None)

    @step("os/ask", on="all", needs=("os/prepare",), register=register)
    def ask(machine: Machine, cluster: Cluster) -> Iterator[Want]:
        """Read the file again"""
        assert isinstance(machine.host, FakeHost)
        if not machine.host.files:
            raise InstallerError("There is no /etc/days yet.")
        yield Wanted("the file is there", lambda machine: Sight(True), lambda machine: None)

    return register


def digest(host: FakeHost) -> Callable[[Any], Answer]:
    """The machine's answer to a command about the file."""

    def answer(ran: Any) -> Answer:
        there = host.files.get("/etc/days")
        if there is None:
            return Answer(exit_code=1)
        return Answer(stdout=f"{hashlib.sha256(there.content).hexdigest()}  -\n644 root:root\n")

    return answer


def run_on_machines(task: Task, sink: Sink, cancel: Cancel) -> Outcome:
    """Execute the task, or only observe."""
    FILES.clear()
    for spec in task.document.hosts:
        FILES[spec.name] = FakeHost(spec.name)
        FILES[spec.name].answer("sha256sum", digest(FILES[spec.name]))
    return execute_plan(
        make_plan(task.document, task.recipe, steps=steps(), checks=Checks(), answers=task.answers),
        document=task.document,
        open_host=lambda spec: FILES[spec.name],
        source=None,  # type: ignore[arg-type]  # no step takes a file
        sink=sink,
        cancel=cancel,
        dry_run=task.preview,
        answers=task.answers,
    )
