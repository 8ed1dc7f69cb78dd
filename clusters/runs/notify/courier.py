"""Courier: sends due messages in one worker, one at a time and in parallel with the runs."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from django.db import DatabaseError, InterfaceError, connections

from clusters.errors import InstallerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

log = logging.getLogger(__name__)

Sent = TypeVar("Sent")

PAUSES = (5, 30, 120, 600, 3_600, 10_800, 21_600, 43_200)
"""Seconds before the second, third, ... try; a message that fails again after the last, about a day, is given up."""
LONGEST_REASON = 500


def reason_of(error: Exception, secrets: Iterable[str]) -> str:
    """Why a message was not sent, without the secrets: the address of a webhook often is one, and errors quote it."""
    reason = error.with_hint if isinstance(error, InstallerError) else f"{type(error).__name__}: {error}"
    for secret in filter(None, secrets):
        reason = reason.replace(secret, "••••")
    return reason.strip()[:LONGEST_REASON]


class Courier(Generic[Sent]):
    """`due` returns whether anything is due, and is called twice a second; `claim` returns the next message, or None.

    `what` is its name in the log and of its thread.
    """

    def __init__(
        self, what: str, *, due: Callable[[], bool], claim: Callable[[], Sent | None], send: Callable[[Sent], None]
    ) -> None:
        self._what, self._due, self._claim, self._deliver = what, due, claim, send
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether something is being sent now."""
        return self._thread is not None and self._thread.is_alive()

    def take(self) -> None:
        """Send due messages, unless one is being sent."""
        if self.busy or not self._due():
            return
        self._thread = threading.Thread(target=self._send, name=self._what, daemon=True)
        self._thread.start()

    def _send(self) -> None:
        try:
            while (message := self._claim()) is not None:
                self._deliver(message)
        except (DatabaseError, InterfaceError) as error:
            log.warning("Sending %s waits because the database does not answer: %s", self._what, error)
        finally:
            connections.close_all()
