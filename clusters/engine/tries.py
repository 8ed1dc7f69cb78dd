"""How often, and for how long, something is tried on a machine; one that reboots meanwhile is waited for."""

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
"""How often something is tried when the error says that trying again may help."""

PAUSE = 3.0
"""Seconds between two tries."""

PATIENCE = 20.0
"""Seconds after a first error in which tries may begin."""

NOT_THERE = (ConnectionRefused, ConnectTimedOut, HandshakeFailed, NetworkUnreachable)
"""Nothing was begun on the machine, so that these errors use up no try; nor does one of an API server: NoAnswer."""

RETURN_SECONDS = 60.0
"""Seconds after a first error in which a machine is called that cannot be reached: it may be rebooting. One that lost
its power is silent for 25 s before, so its step fails within two minutes."""

BOOT_SECONDS = 45
"""Seconds that the services of a machine may take to start after it came back."""

WORKED_SECONDS = 120.0
"""Seconds that a try has to last before a connection that breaks in it is a new trouble. No attempt to connect lasts
that long, so the machine was there in between. The number of tries goes on."""


@dataclass(slots=True)
class _Trouble:
    """What went wrong and is not over yet: since when, and since when somebody has not been there.

    `missed` is the name of a machine whose connection broke, `gone` whether it was seen not to be there, `silent`
    whether only an API server gave no answer, `called` whether the log says that somebody is waited for.
    """

    since: float | None = None
    away: float | None = None
    missed: str = ""
    gone: bool = False
    silent: bool = False
    called: bool = False


class Tries:
    """The tries of one thing in a step on a machine; `calls` says whether a machine that is not there is waited for.

    That may be another one than the step's own, such as the control plane that it asks: the error says which.
    """

    def __init__(self, machine: Machine, cluster: Cluster, *, calls: bool = True) -> None:
        self._machine = machine
        self._cluster = cluster
        self._calls = calls
        self._began = time.monotonic()
        self._used = 0
        self._trouble = _Trouble()

    def progress(self) -> None:
        """What was troubled has come to a good end: what happens from now on is a trouble of its own."""
        self._used = 0
        self._trouble = _Trouble()

    def begin(self) -> None:
        """Wait for the services of a machine that was away: what talks to containerd or etcd fails before."""
        trouble = self._trouble
        if trouble.missed:
            there = self._cluster.machine(trouble.missed).on_behalf_of(self._machine)
            started = sh("timeout {} systemctl is-system-running --wait", BOOT_SECONDS)
            try:
                said = there.ask(started, timeout=BOOT_SECONDS + 15).stdout.strip() or "nothing"
            except NOT_THERE:
                trouble.gone = True
                raise
            trouble.missed = ""
            if trouble.gone:
                seconds = time.monotonic() - (trouble.away or 0.0)
                self._machine.note(f"{there.name} answers again after {seconds:.0f} s; systemd says: {said}")
                self._trouble = _Trouble()
        self._began = time.monotonic()

    def another_after(self, error: InstallerError) -> bool:
        """Whether there is to be another try; when there is, the pause before it is over."""
        machine, now = self._machine, time.monotonic()
        broken = self._calls and isinstance(error, (*NOT_THERE, ConnectionLost))
        away = self._calls and isinstance(error, (*NOT_THERE, NoAnswer))
        if broken and not self._trouble.missed and now - self._began > WORKED_SECONDS:
            self._trouble = _Trouble()
        trouble = self._trouble
        if not away:
            trouble.since = trouble.since or now
        if broken and trouble.silent:
            # An API server is often silent before its machine is: the minute of the machine begins now.
            trouble.away, trouble.called = None, False
        if broken or away:
            trouble.silent = not broken and (trouble.silent or trouble.away is None)
            trouble.away = trouble.away or now
        if broken:
            trouble.missed = getattr(error, "machine", "") or machine.name
        self._used += not away
        late = now - (trouble.away or now) > RETURN_SECONDS if away else now - (trouble.since or now) > PATIENCE
        if not error.retryable or self._used >= TRIES or late or machine.seconds_left() < PAUSE:
            return False
        if not away:
            machine.note(f"{error.message} Trying again ({self._used + 1} of {TRIES}).")
        elif not trouble.called:
            trouble.called = True
            why = "Trying to reach it" if broken else "Asking again"
            machine.note(f"{error.message} {why} for up to {RETURN_SECONDS:.0f} s; it may be rebooting.")
        machine.pause(PAUSE)
        return True
