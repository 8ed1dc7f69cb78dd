"""The doorbell: notifies followers of new events, without their content; the only file that uses the channel layer."""

from __future__ import annotations

import logging
import time
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings

log = logging.getLogger(__name__)

SHORTEST_GAP = 0.1
"""Seconds between two rings: people do not read faster."""


def group(run_id: int) -> str:
    """The group of this run's followers."""
    return f"run-{run_id}"


def reaches_other_processes() -> bool:
    """Whether a ring reaches other processes. Without Redis it does not, and followers poll the database."""
    return bool(settings.SLIPWAY_REDIS)


def ring(run_id: int, seq: int) -> None:
    """Notify the followers of events up to `seq`."""
    if reaches_other_processes():
        _send(group(run_id), {"type": "run.news", "seq": seq})


def session_group(session: str) -> str:
    """The group of the live sockets of one session, identified by its hash (`clusters.models.hashed`)."""
    return f"session-{session}"


def session_ended(session: str) -> None:
    """Notify the live sockets of a session, identified by its hash, that somebody has logged out of it.

    Without Redis this reaches only the sockets of this process, which are nearly all; the others notice it themselves.
    """
    _send(session_group(session), {"type": "session.ended"})


def _send(name: str, message: dict[str, Any]) -> None:
    """A failed ring is logged and never stops anything: the events are in the database."""
    try:
        layer = get_channel_layer()
        if layer is None:
            raise LookupError("no channel layer is configured")
        async_to_sync(layer.group_send)(name, message)
    except Exception as error:  # noqa: BLE001 - whatever a channel layer raises, the database has the events
        log.warning("The doorbell did not ring: %s", error)


class Bell:
    """Rings for one run at most ten times a second, and always sends the last ring."""

    def __init__(self, run_id: int) -> None:
        self._run_id = run_id
        self._rung_at = 0.0
        self._owed = 0

    @property
    def owed(self) -> bool:
        """Whether a ring waits for its time."""
        return self._owed > 0

    def news(self, seq: int) -> None:
        """Announce events up to `seq`."""
        self._owed = seq
        self.settle()

    def settle(self) -> None:
        """Ring now if a ring is owed and due."""
        now = time.monotonic()
        if self._owed and now - self._rung_at >= SHORTEST_GAP:
            ring(self._run_id, self._owed)
            self._rung_at, self._owed = now, 0
