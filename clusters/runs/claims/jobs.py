"""Jobs: small tasks for the wizard, a few rows at a time; claimed by a worker, released when it stops."""

from __future__ import annotations

import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from django.db import connections

from clusters.runs.claims.claim import claim
from clusters.runs.claims.shares import Shares, owner_counts

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.models.leased import Job


class Jobs:
    """One kind of job of one worker: rows of `model`, which have a cluster, in fair shares."""

    def __init__(
        self,
        worker: str,
        model: type[Job],
        work: Callable[[int, str, threading.Event], None],
        *,
        places: int = 2,
        **reset: Any,
    ) -> None:
        self._worker = worker
        self._model = model
        self._work = work
        self._reset = reset
        self._shares = Shares(places)
        # Each job that runs here, with its owner.
        self._threads: dict[threading.Thread, int] = {}
        self._stop = threading.Event()

    def take(self) -> None:
        """Claim waiting jobs, and those of dead workers, as far as there is room."""
        self._threads = {thread: owner for thread, owner in self._threads.items() if thread.is_alive()}
        waiting = self._model.claimable().order_by("asked_at", "pk")
        for pk, owner in self._shares.claims(waiting, lambda: owner_counts(self._threads), oldest_by="asked_at"):
            token = f"{self._worker}/{uuid.uuid4().hex[:8]}"
            if claim(waiting, pk, state="running", worker=token, **self._reset):
                thread = threading.Thread(target=self._run_job, args=(pk, token), daemon=True)
                self._threads[thread] = owner
                thread.start()

    def stop(self) -> None:
        """Release the running jobs; another worker starts them again."""
        self._stop.set()
        self.wait(5)

    def wait(self, seconds: float) -> None:
        """Wait until the running jobs have ended, at most this long."""
        over = time.monotonic() + seconds
        for thread in list(self._threads):
            thread.join(max(0.0, over - time.monotonic()))

    def _run_job(self, pk: int, token: str) -> None:
        try:
            self._work(pk, token, self._stop)
        finally:
            connections.close_all()
