"""carry_out(): where a run meets the engine, the catalog and SSH; everything it tells goes into the sink."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from django.db import connections

from clusters import catalog
from clusters.engine.executor import Outcome, execute_plan
from clusters.engine.plan import make_plan
from clusters.engine.step import discover
from clusters.heap import settle
from clusters.remote.ssh import SshHost
from clusters.runs.source import configured_source
from clusters.runs.targets import target_for

if TYPE_CHECKING:
    from clusters.config.schema import Host as HostSpec
    from clusters.engine.events import Sink
    from clusters.remote.host import Cancel, Host
    from clusters.runs.task import Task


def carry_out(task: Task, sink: Sink, cancel: Cancel) -> Outcome:
    """Do it on the machines. Raises what making the plan or opening the source raises (InstallerError)."""
    load_catalog()

    def open_host(spec: HostSpec) -> Host:
        return SshHost(target_for(task.document, spec), task.known)

    try:
        return execute_plan(
            make_plan(task.document, task.recipe, only=task.only),
            document=task.document,
            open_host=open_host,
            source=configured_source(),
            sink=sink,
            cancel=cancel,
            waivers=task.waivers,
            granted=task.granted,
        )
    finally:
        connections.close_all()


@cache
def load_catalog() -> None:
    """Everything that can be installed, at the first run of a process."""
    discover(catalog)
    settle()
