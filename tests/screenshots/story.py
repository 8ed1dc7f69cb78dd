"""Invented runs: their events go one by one to the real sink, in the order and with the waits of the real plan."""

from __future__ import annotations

import graphlib
import random
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from clusters import catalog
from clusters.config.secret import Secret
from clusters.config.topology import all_roles
from clusters.engine import events
from clusters.engine.executor import describe_step
from clusters.engine.plan import EVERYWHERE, Plan, make_plan
from clusters.engine.step import discover
from clusters.models import Run
from clusters.remote.facts import MachineFacts
from clusters.runs.documents import read_document
from clusters.runs.events.sink import DatabaseSink
from tests.screenshots.lines import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document
    from clusters.models import Cluster

Node = tuple[str, str]
KUBECONFIG = "apiVersion: v1\nkind: Config\n"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ends: `state`, and for a failed or running one the step and the machine.

    `after` are the seconds from its start to the picture, or to the cancel.
    """

    state: str
    step: str = ""
    host: str = ""
    expected: str = ""
    found: str = ""
    hint: str = ""
    after: float = 1e9


def make_run(cluster: Cluster, ending: Ending, *, hours_ago: float = 0.0, **fields: Any) -> Run:
    """A run of this cluster, with events from its start to its end, or to now."""
    discover(catalog)
    document = read_document(cluster.document)
    plan = make_plan(document, "create")
    times = _times(plan)
    length = min(max(end for _start, end in times.values()), ending.after)
    began = timezone.now() - timedelta(hours=hours_ago, seconds=length if ending.state == "running" else length + 60)
    run = Run.objects.create(
        cluster=cluster, document=cluster.document, asked_by=cluster.owner, state=Run.State.RUNNING, worker="example",
        started_at=began, lease_until=timezone.now() + timedelta(days=30), **fields,
    )  # fmt: skip
    Run.objects.filter(pk=run.pk).update(created_at=began)
    sink = DatabaseSink(run)
    emitted = _events(plan, document, times, ending, began.timestamp())
    for event in emitted:
        sink.emit(event)
    if ending.state == "running":
        sink.close()
    else:
        at = emitted[-1].at
        message = _message(ending, emitted)
        last = events.RunChanged(at=at, state=ending.state, message=message)
        ended = datetime.fromtimestamp(at, tz=UTC)
        sink.finish(last, state=ending.state, message=message, finished_at=ended, lease_until=None)
    run.refresh_from_db()
    return run


def _times(plan: Plan) -> dict[Node, tuple[float, float]]:
    """When each step starts and ends on each machine, in seconds: as soon as the steps that it waits for are over."""
    chance = random.Random("slipway")
    cost = {row.path: row.expected_seconds for row in plan.steps}
    found: dict[Node, tuple[float, float]] = {}
    for node in graphlib.TopologicalSorter(plan.needs).static_order():
        start = max((found[before][1] for before in plan.needs[node]), default=1.0)
        takes = 0.0 if node[1] == EVERYWHERE else cost[node[0]] * chance.uniform(0.7, 1.6)
        found[node] = (start, start + takes)
    return {node: span for node, span in found.items() if node[1] != EVERYWHERE}


def _events(
    plan: Plan, document: Document, times: dict[Node, tuple[float, float]], ending: Ending, began: float
) -> list[events.Event]:
    """All events in their order, up to the ending."""
    failed = (ending.step, ending.host) if ending.state == "failed" else None
    broken = times[failed][1] if failed else 1e9
    emitted: list[events.Event] = [
        events.RunChanged(at=began, state="running", message="The run was started."),
        events.PlanMade(at=began + 0.5, steps=[describe_step(row, document) for row in plan.steps]),
    ]
    for (step, host), (start, end) in times.items():
        if start >= min(broken, ending.after):
            continue
        emitted.append(events.StepChanged(at=began + start, step=step, host=host, state="running"))
        if (step, host) == failed:
            emitted += _failed(step, host, (began + start, began + end), ending)
        else:
            emitted += _over(document, step, host, (began + start, began + end))
    # Steps that started before a failure succeed; a running or cancelled run has no later events.
    emitted = [event for event in emitted if event.at <= began + ending.after]
    if ending.state == "cancelled":
        emitted += _cancelled(emitted, began + ending.after)
    return sorted(emitted, key=lambda event: event.at)


def _cancelled(emitted: list[events.Event], at: float) -> Iterator[events.Event]:
    """Running steps are cancelled; a moment passes between the request and the end."""
    on: dict[Node, float] = {}
    for event in emitted:
        if isinstance(event, events.StepChanged) and event.state == "running":
            on[event.step, event.host] = event.at
        elif isinstance(event, events.StepChanged):
            del on[event.step, event.host]
    yield events.RunChanged(at=at, state="cancelling", message="Somebody asked the run to stop.")
    for (step, host), start in on.items():
        yield events.StepChanged(at=at + 1.0, step=step, host=host, state="cancelled", seconds=at + 1.0 - start)


def _over(document: Document, step: str, host: str, span: tuple[float, float]) -> Iterator[events.Event]:
    start, end = span
    texts = lines_of(step, host, document)
    for number, (stream, text) in enumerate(texts):
        at = start + (end - start) * (number + 1) / (len(texts) + 1)
        yield events.Output(at=at, step=step, host=host, stream=stream, text=text)
    if step == "precheck/access.facts":
        yield events.Observed(at=end, step=step, host=host, topic="facts", values=asdict(_facts(document, host)))
    if step == "finish/ready":
        yield events.Observed(at=end, topic="nodes", values=_nodes(document))
    if step == "finish/handover":
        yield events.Delivered(at=end, name="kubeconfig", content=Secret(KUBECONFIG))
    state, same, changed = ("same", 1, 0) if step.startswith("precheck/") else ("changed", 2, 3)
    if step == "precheck/os.swap_off":
        message, fix = f"{host} uses 2048 MB of swap.", "The installation switches swap off, now and for good."
        yield events.CheckFound(
            at=end, step=step, host=host, check="os.swap_off", severity="warning", message=message, fix=fix
        )
        state = "warning"
    yield events.StepChanged(at=end, step=step, host=host, state=state, seconds=end - start, same=same, changed=changed)


def _failed(step: str, host: str, span: tuple[float, float], ending: Ending) -> Iterator[events.Event]:
    start, end = span
    lines = [*(text for _stream, text in lines_of(step, host, None)[:2]), ending.found]
    for number, text in enumerate(lines):
        at = start + (end - start) * (number + 1) / (len(lines) + 1)
        stream = "err" if text == ending.found else "out"
        yield events.Output(at=at, step=step, host=host, stream=stream, text=text)
    place: dict[str, Any] = {"at": end, "step": step, "host": host}
    texts: dict[str, Any] = {"expected": ending.expected, "found": ending.found, "hint": ending.hint}
    yield events.Failed(**place, lines=lines, retryable=True, **texts)
    yield events.StepChanged(**place, state="failed", seconds=end - start, message=ending.found)


def _message(ending: Ending, emitted: list[events.Event]) -> str:
    if ending.state == "failed":
        return f"{ending.step} on {ending.host}: {ending.found}"
    steps = [event for event in emitted if isinstance(event, events.StepChanged)]
    changed, same = sum(step.changed for step in steps), sum(step.same for step in steps)
    how = "was cancelled" if ending.state == "cancelled" else "succeeded"
    return f"The run {how}. {changed} changed, {same} were already correct."


def _facts(document: Document, host: str) -> MachineFacts:
    big = "master" in all_roles(document)[host]
    return MachineFacts(
        hostname=host, os_name="Debian GNU/Linux 12 (bookworm)", kernel="6.1.0-28-amd64", arch="amd64",
        cpus=4 if big else 8, memory_mb=7938 if big else 15906, var_free_mb=48_300 if big else 112_700,
        clock_skew=len(host) * 0.013 - 0.05,
    )  # fmt: skip


def _nodes(document: Document) -> list[dict[str, Any]]:
    roles = all_roles(document)
    return [
        {
            "name": host.name,
            "ready": True,
            "roles": ["control-plane", "master"] if "master" in roles[host.name] else ["worker"],
            "version": document.kubernetes.version,
            "address": host.node_address,
        }
        for host in document.hosts
    ]
