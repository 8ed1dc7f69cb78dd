"""How often, and for how long, something is tried on a machine; Slipway waits for one that reboots meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.engine.wants import NoAnswer
from clusters.remote.errors import (
    ConnectionLost,
    ConnectionRefused,
    ConnectTimedOut,
    HandshakeFailed,
    NetworkUnreachable,
)
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.errors import InstallerError

TRIES = 3
"""Tries of something whose error is retryable."""

PAUSE = 3.0
"""Seconds between two tries."""

RETRY_SECONDS = 20.0
"""Seconds after a first error in which tries may begin."""

NOT_THERE = (ConnectionRefused, ConnectTimedOut, HandshakeFailed, NetworkUnreachable)
"""Nothing started on the machine, so that these errors use up no try; nor does one of an API server: NoAnswer."""

RETURN_SECONDS = 60.0
"""Seconds after a first error in which Slipway tries to reach an unreachable machine: it may be rebooting. One that
lost its power is silent for 25 s before, so its step fails within two minutes."""

BOOT_SECONDS = 45
"""Seconds that the services of a machine may take to start after it came back."""

WORKED_SECONDS = 120.0
"""Seconds that a try must last before a connection that breaks in it counts as a new trouble. No attempt to connect
lasts that long, so the machine was available in between. The count of tries continues."""


@dataclass(slots=True)
class _Trouble:
    """What went wrong and is not over yet: `since` when, and since when a machine or API server is `away`.

    `machine` is the name of one whose connection broke, `gone` whether it was observed to be unreachable, `silent`
    whether only an API server gave no answer, `is_noted` whether the log mentions that Slipway waits.
    """

    since: float | None = None
    away: float | None = None
    machine: str = ""
    gone: bool = False
    silent: bool = False
    is_noted: bool = False


class Tries:
    """The tries of one thing in a step on a machine; `waits`: whether to wait for a machine that is away.

    That may be a machine other than the step's own, such as the control plane that it asks: the error names it.
    """

    def __init__(self, machine: Machine, cluster: Cluster, *, waits: bool = True) -> None:
        self._machine = machine
        self._cluster = cluster
        self._waits = waits
        self._began = time.monotonic()
        self._used = 0
        self._trouble = _Trouble()

    def progress(self) -> None:
        """The trouble is over: an error from now on is a new trouble."""
        self._used = 0
        self._trouble = _Trouble()

    def begin(self) -> None:
        """Wait for the services of a machine that was away: until then, commands for containerd or etcd fail."""
        trouble = self._trouble
        if trouble.machine:
            other = self._cluster.machine(trouble.machine).on_behalf_of(self._machine)
            wait = sh("timeout {} systemctl is-system-running --wait", BOOT_SECONDS)
            try:
                status = other.ask(wait, timeout=BOOT_SECONDS + 15).stdout.strip() or "nothing"
            except NOT_THERE:
                trouble.gone = True
                raise
            trouble.machine = ""
            if trouble.gone:
                seconds = time.monotonic() - (trouble.away or 0.0)
                self._machine.note(f"{other.name} answers again after {seconds:.0f} s; systemd reports: {status}")
                self._trouble = _Trouble()
        self._began = time.monotonic()

    def another_after(self, error: InstallerError) -> bool:
        """Whether to try again; if so, this has already paused before the next try."""
        machine, now = self._machine, time.monotonic()
        broken = self._waits and isinstance(error, (*NOT_THERE, ConnectionLost))
        away = self._waits and isinstance(error, (*NOT_THERE, NoAnswer))
        if broken and not self._trouble.machine and now - self._began > WORKED_SECONDS:
            self._trouble = _Trouble()
        trouble = self._trouble
        if not away:
            trouble.since = trouble.since or now
        if broken and trouble.silent:
            # An API server is often silent before its machine is: the machine's minute begins now.
            trouble.away, trouble.is_noted = None, False
        if broken or away:
            trouble.silent = not broken and (trouble.silent or trouble.away is None)
            trouble.away = trouble.away or now
        if broken:
            trouble.machine = getattr(error, "machine", "") or machine.name
        self._used += not away
        late = now - (trouble.away or now) > RETURN_SECONDS if away else now - (trouble.since or now) > RETRY_SECONDS
        if not error.retryable or self._used >= TRIES or late or machine.seconds_left() < PAUSE:
            return False
        if not away:
            machine.note(f"{error.message} Trying again ({self._used + 1} of {TRIES}).")
        elif not trouble.is_noted:
            trouble.is_noted = True
            why = "Trying to reach it" if broken else "Asking again"
            machine.note(f"{error.message} {why} for up to {RETURN_SECONDS:.0f} s; it may be rebooting.")
        machine.pause(PAUSE)
        return True
