"""Courier: sends what is due in one worker, one thing at a time and beside the runs."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from django.db import DatabaseError, InterfaceError, connections

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

Sent = TypeVar("Sent")


class Courier(Generic[Sent]):
    """`due` says whether there is anything, and is asked twice a second; `claim` gives the next thing, None at the end.

    `what` is what the log and the thread call it.
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
        """Send what is due, if nothing is being sent."""
        if self.busy or not self._due():
            return
        self._thread = threading.Thread(target=self._send, name=self._what, daemon=True)
        self._thread.start()

    def _send(self) -> None:
        try:
            while (found := self._claim()) is not None:
                self._deliver(found)
        except (DatabaseError, InterfaceError) as error:
            log.warning("Sending %s waits, the database does not answer: %s", self._what, error)
        finally:
            connections.close_all()
