"""Inspections: executes the plan's prechecks on the machines and stores results as they arrive, without a run."""

from __future__ import annotations

import logging
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.db import connections
from django.utils import timezone

from clusters import catalog
from clusters.catalog.prechecks.network.connections import REACHABILITY
from clusters.catalog.sources.unopened import Unopened
from clusters.engine.check import PRECHECK
from clusters.engine.events import CheckFound, Observed, State, StepChanged
from clusters.engine.executor import execute_plan
from clusters.engine.plan import Plan, make_plan
from clusters.engine.step import discover
from clusters.errors import InstallerError, SourceError
from clusters.models import Inspection
from clusters.remote.host import Cancel
from clusters.remote.ssh import SshHost
from clusters.runs.access.logins import logins_for
from clusters.runs.access.pinned_host_keys import PinnedKeys
from clusters.runs.access.targets import target_for
from clusters.runs.artifact_source import configured_source
from clusters.runs.claims.authority import refuse_without_authority
from clusters.runs.claims.claim import lease_end
from clusters.runs.documents import read_document
from clusters.runs.events.batches import clean, plain
from clusters.runs.events.log_masks import Masks
from clusters.runs.identities import identity_of

if TYPE_CHECKING:
    from clusters.config.schema import Document
    from clusters.config.schema import Host as HostSpec
    from clusters.engine.events import Event
    from clusters.engine.identity import Identity
    from clusters.engine.source import Source
    from clusters.remote.auth.host_keys import KnownKeys
    from clusters.remote.host import Host

log = logging.getLogger(__name__)

# Seconds between two updates of the stored results.
STORE_EVERY = 0.5


def open_machine(document: Document, spec: HostSpec, known: KnownKeys) -> Host:
    """A machine of the document over SSH."""
    return SshHost(target_for(document, spec), known)


class _Notes:
    """A sink that collects the findings of prechecks, by check and machine. May be used by many threads."""

    def __init__(self, plan: Plan, masks: Masks) -> None:
        self._masks = masks
        self._lock = threading.Lock()
        self._rows = {
            (row.path, host): {
                "check": row.check.id, "title": row.title, "host": host, "state": str(State.WAITING), "found": [],
            }
            for row in plan.steps if row.check is not None for host in row.hosts
        }  # fmt: skip

    def emit(self, event: Event) -> None:
        """Collect a state or a finding; other events are only for logs."""
        with self._lock:
            row: dict[str, Any] | None = self._rows.get((event.step, event.host))
            if row is None:
                return
            if isinstance(event, CheckFound):
                texts = {"message": self._masked(event.message), "fix": self._masked(event.fix)}
                row["found"].append({"severity": str(event.severity), **texts})
            elif isinstance(event, Observed) and event.topic == REACHABILITY:
                row["seen"] = self._masks.value(plain(event.values))
            elif isinstance(event, StepChanged):
                row["state"] = str(event.state)
                if event.state == State.FAILED and not row["found"]:
                    texts = {"message": self._masked(event.message), "fix": ""}
                    row["found"].append({"severity": "error", "broke": True, **texts})

    def _masked(self, text: str) -> str:
        """The text to store. Cleaned first: a code inside a secret must not hide it from the masks."""
        return self._masks.text(clean(text))

    def rows(self) -> list[dict[str, Any]]:
        """The results so far."""
        with self._lock:
            return [{**row, "found": list(row["found"])} for row in self._rows.values()]


def inspect_row(pk: int, token: str, stop: threading.Event | None = None) -> None:
    """Execute an inspection that was claimed with this token."""
    mine = Inspection.objects.filter(pk=pk, worker=token, state="running")
    row = mine.select_related("cluster__owner", "asked_by").first()
    if row is None:
        return
    end: dict[str, Any] = {"finished_at": timezone.now(), "lease_until": None}
    try:
        refuse_without_authority(row.asked_by_id, row.cluster, "inspection")
        text = row.cluster.document
        logins = logins_for(read_document(text), row.cluster, row.asked_by, text=text)
        logins.require_all()
        document = logins.document
        plan = _plan(document, row.checks, row.hosts)
        masks = Masks(logins.secrets)
        notes = _Notes(plan, masks)
        planned = {(each["check"], each["host"]) for each in notes.rows()}
        others = [each for each in row.results if (each["check"], each["host"]) not in planned]
        cancel, known = Cancel(), PinnedKeys(row.cluster_id)
        pool = ThreadPoolExecutor(1, thread_name_prefix="inspection")
        work = pool.submit(_run_prechecks, plan, document, known, notes, cancel, identity_of(row.cluster))
        pool.shutdown(wait=False)
        while not wait([work], STORE_EVERY).done:
            if not mine.update(results=others + notes.rows(), lease_until=lease_end()):
                cancel.ask("a new inspection was requested")
            if stop is not None and stop.is_set():
                cancel.ask("the worker is stopping")
                mine.update(state="waiting", worker="", lease_until=None)
        work.result()
        mine.update(**end, state="done", results=others + notes.rows(), message="")
    except InstallerError as error:
        mine.update(**end, state="failed", message=error.with_hint)
    except Exception as error:  # noqa: BLE001 - the border of an inspection; the person must see that it failed
        log.error("Inspection %s failed\n%s", pk, traceback.format_exc())
        mine.update(**end, state="failed", message=f"Slipway itself failed: {type(error).__name__}")


def _plan(document: Document, checks: list[str], hosts: list[str]) -> Plan:
    """The requested prechecks on the requested machines."""
    discover(catalog)
    only = [f"{PRECHECK}/{check}" for check in checks] or [PRECHECK]
    plan = make_plan(document, only=only)
    if not hosts:
        return plan
    steps = tuple(replace(row, hosts=tuple(host for host in row.hosts if host in hosts)) for row in plan.steps)
    needs = {node: before for node, before in plan.needs.items() if node[1] in hosts}
    return replace(plan, steps=steps, needs=needs)


def _source() -> Source:
    """The artifact source; if it cannot be opened, the prechecks that need it report that."""
    try:
        return configured_source()
    except SourceError as error:
        return Unopened(error)


def _run_prechecks(
    plan: Plan, document: Document, known: KnownKeys, notes: _Notes, cancel: Cancel, identity: Identity
) -> None:
    try:
        execute_plan(
            plan,
            document=document,
            open_host=lambda spec: open_machine(document, spec, known),
            source=_source(),
            sink=notes,
            cancel=cancel,
            identity=identity,
        )
    finally:
        connections.close_all()
