"""How often, and for how long, something is tried on a machine; one that reboots meanwhile is waited for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from clusters.remote.errors import (
    ConnectionLost,
    ConnectionRefused,
    ConnectTimedOut,
    HandshakeFailed,
    NetworkUnreachable,
)
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from clusters.engine.machine import Machine
    from clusters.errors import InstallerError

TRIES = 3
"""How often something is tried when the error says that trying again may help."""

PAUSE = 3.0
"""Seconds between two tries."""

PATIENCE = 20.0
"""Seconds after a first error in which tries may begin."""

NOT_THERE = (ConnectionRefused, ConnectTimedOut, HandshakeFailed, NetworkUnreachable)
"""Nothing was begun on the machine, so that these errors use up no try."""

RETURN_SECONDS = 60.0
"""Seconds after a first error in which a machine is called that cannot be reached: it may be rebooting. One that lost
its power is silent for 25 s before, so its step fails within two minutes."""

BOOT_SECONDS = 45
"""Seconds that the services of a machine may take to start after it came back."""


class Tries:
    """The tries of one thing on one machine; `calls` says whether a machine that is not there is waited for."""

    def __init__(self, machine: Machine, *, calls: bool = True) -> None:
        self._machine = machine
        self._calls = calls
        self._used = 0
        self._troubled: float | None = None
        self._away: float | None = None
        self._called = self._itself = self._look = False

    def begin(self) -> None:
        """Wait for the services of a machine that was away: what talks to containerd or etcd fails before.

        A step may also have missed another machine than its own; then this one answers at once.
        """
        if not self._look:
            return
        started = sh("timeout {} systemctl is-system-running --wait", BOOT_SECONDS)
        try:
            said = self._machine.ask(started, timeout=BOOT_SECONDS + 15).stdout.strip() or "nothing"
        except NOT_THERE:
            self._itself = True
            raise
        self._look = False
        if self._itself:
            seconds = time.monotonic() - (self._away or 0.0)
            self._machine.note(f"{self._machine.name} answers again after {seconds:.0f} s; systemd says: {said}")
            self._itself, self._away, self._troubled, self._called = False, None, None, False

    def another_after(self, error: InstallerError) -> bool:
        """Whether there is to be another try; when there is, the pause before it is over."""
        machine, now = self._machine, time.monotonic()
        self._troubled = self._troubled or now
        not_there = self._calls and isinstance(error, NOT_THERE)
        if not_there or (self._calls and isinstance(error, ConnectionLost)):
            self._away, self._look = self._away or now, True
        self._used += not not_there
        late = now - (self._away or now) > RETURN_SECONDS if not_there else now - self._troubled > PATIENCE
        if not error.retryable or self._used >= TRIES or late or machine.seconds_left() < PAUSE:
            return False
        if not not_there:
            machine.note(f"{error.message} Trying again ({self._used + 1} of {TRIES}).")
        elif not self._called:
            self._called = True
            machine.note(f"{error.message} Trying to reach it for up to {RETURN_SECONDS:.0f} s; it may be rebooting.")
        machine.pause(PAUSE)
        return True
