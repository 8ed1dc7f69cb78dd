"""run_on_machines(): connects a run to the engine, the catalog and SSH; all its events go to the sink."""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING

from django.db import connections

from clusters import catalog
from clusters.catalog.leaders import find_leaders
from clusters.config.topology import members
from clusters.engine.events import Output
from clusters.engine.executor import Outcome, execute_plan
from clusters.engine.plan import make_plan
from clusters.engine.step import discover
from clusters.gc_freeze import settle
from clusters.remote.ssh import SshHost
from clusters.runs.access.targets import target_for
from clusters.runs.artifact_source import configured_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.config.schema import Document
    from clusters.config.schema import Host as HostSpec
    from clusters.engine.events import Sink
    from clusters.remote.host import Cancel, Host
    from clusters.runs.task import Task

GROUPS = {"master": "control plane", "etcd": "etcd machine"}


def run_on_machines(task: Task, sink: Sink, cancel: Cancel) -> Outcome:
    """Execute the task on the machines. Raises what making the plan or opening the source raises (InstallerError)."""
    load_catalog()
    hosts = _Hosts(task)
    try:
        leaders = find_leaders(task.document, hosts.open, cancel, task.identity)
        _note_leaders(task.document, leaders, sink)
        return execute_plan(
            make_plan(task.document, task.recipe, only=task.only, leaders=leaders, answers=task.answers),
            document=task.document,
            open_host=hosts.open,
            source=configured_source(),
            sink=sink,
            cancel=cancel,
            waivers=task.waivers,
            dry_run=task.preview,
            granted=task.granted,
            answers=task.answers,
            identity=task.identity,
        )
    finally:
        hosts.close()
        connections.close_all()


class _Hosts:
    """One connection to each machine, shared by all users."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._hosts: dict[str, Host] = {}
        self._lock = threading.Lock()

    def open(self, spec: HostSpec) -> Host:
        """The connection to this machine; it is opened when first used."""
        with self._lock:
            if spec.name not in self._hosts:
                task = self._task
                target = target_for(task.document, spec, from_terminal=task.from_terminal)
                self._hosts[spec.name] = SshHost(target, task.known)
            return self._hosts[spec.name]

    def close(self) -> None:
        """Close them all; may be called twice."""
        for host in list(self._hosts.values()):
            host.close()


def _note_leaders(document: Document, leaders: Mapping[str, str], sink: Sink) -> None:
    """Log which machine represents a group if that is not the first listed."""
    for group, name in leaders.items():
        first = members(document, group)[0].name
        if name != first:
            text = (
                f"The first {GROUPS[group]} listed is {first}; this run uses {name}, which already runs and is healthy."
            )
            sink.emit(Output(stream="note", text=text))


@cache
def load_catalog() -> None:
    """Load everything that can be installed, at the first run of a process."""
    discover(catalog)
    settle()
