"""Worker: claims runs, connection tests, scans and inspections that no other worker has, and executes them."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections

from clusters.models import Inspection, Scan
from clusters.runs.claims.jobs import Jobs
from clusters.runs.claims.leases import claimable
from clusters.runs.claims.shares import Shares, owner_counts
from clusters.runs.heartbeats import Heartbeats
from clusters.runs.jobs.inspections import inspect_row
from clusters.runs.jobs.probes import Probing
from clusters.runs.jobs.scans import scan_row
from clusters.runs.notify.audit_forwarding import audit_courier
from clusters.runs.notify.outbox import notices_courier
from clusters.runs.retention import Retention
from clusters.runs.supervise import Handover, supervise

log = logging.getLogger(__name__)

# Scans, and inspections, of one worker at the same time; one owner gets at most half of them.
SCANS, INSPECTIONS = 2, 4
# Seconds that runs get at a stop to finish what can't be interrupted safely.
GRACE_SECONDS = 60


def name_prefix(pid: int) -> str:
    """The beginning of the names of a process of this machine."""
    return f"{socket.gethostname()[:60]}:{pid}:"


def fresh_name() -> str:
    """A unique name for a worker: machine, process, and a random part."""
    return name_prefix(os.getpid()) + uuid.uuid4().hex[:8]


class Worker:
    """One process's share of the work. `run()` returns after `stop()`."""

    def __init__(self) -> None:
        self.name = fresh_name()
        self._stop = threading.Event()
        self._handover = Handover()
        self._threads: dict[int, threading.Thread] = {}
        # The owner of each run that is being executed here.
        self._owners: dict[int, int] = {}
        self._probing = Probing(self.name)
        self._scans = Jobs(self.name, Scan, scan_row, places=SCANS, looked=0, found=[], message="")
        self._inspections = Jobs(self.name, Inspection, inspect_row, places=INSPECTIONS)
        self._shares = Shares(settings.SLIPWAY_WORKER_RUNS)
        self._courier = notices_courier()
        self._forwarder = audit_courier()
        self._retention = Retention()
        self._heartbeats = Heartbeats(self.name)
        self._claims = 0

    def stop(self) -> None:
        """Claim nothing more, and release what is being executed. Safe in a signal handler."""
        self._stop.set()

    def run(self, *, until_idle: bool = False) -> None:
        """Work until `stop`, or with `until_idle` until nothing is left to do."""
        log.info("Worker %s is waiting for work", self.name)
        while not self._stop.is_set():
            try:
                self._look()
            except (DatabaseError, InterfaceError) as error:
                log.warning("The worker cannot reach the database: %s", error)
                connections.close_all()
            if until_idle and not self._threads and not self._courier.busy and not self._forwarder.busy:
                break
            self._stop.wait(settings.SLIPWAY_POLL_SECONDS)
        self._leave()

    def _look(self) -> None:
        self._threads = {pk: thread for pk, thread in self._threads.items() if thread.is_alive()}
        self._owners = {pk: self._owners[pk] for pk in self._threads}
        self._heartbeats.take()
        self._probing.take()
        self._scans.take()
        self._inspections.take()
        self._courier.take()
        self._forwarder.take()
        self._retention.take()
        waiting = claimable().exclude(pk__in=self._threads)
        for pk, owner in self._shares.claims(waiting, lambda: owner_counts(self._owners)):
            self._owners[pk] = owner
            self._claims += 1
            name = f"{self.name}/{self._claims}"
            thread = threading.Thread(target=self._run_claimed, args=(pk, name), name=f"run {pk}", daemon=True)
            self._threads[pk] = thread
            thread.start()

    def _run_claimed(self, pk: int, name: str) -> None:
        try:
            supervise(pk, worker_name=name, handover=self._handover)
        except (DatabaseError, InterfaceError) as error:
            # The lease expires, and the first worker that reaches the database continues the run.
            log.error("Run %s was abandoned: %s", pk, error)
        finally:
            connections.close_all()

    def _leave(self) -> None:
        self._handover.ask()
        deadline = time.monotonic() + GRACE_SECONDS
        try:
            self._probing.stop()
            self._scans.stop()
            self._inspections.stop()
        except (DatabaseError, InterfaceError) as error:
            log.warning("Connection tests or scans were abandoned: %s", error)
        for thread in self._threads.values():
            thread.join(max(0.0, deadline - time.monotonic()))
        connections.close_all()
        log.info("Worker %s has stopped", self.name)
