"""The lease of a run: which worker has it, for how long, and what happens when it is lost."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from clusters.models import Run
from clusters.runs.claims.claim import claim, lease_end

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

# Seconds between two checks whether somebody asked the run to stop.
LOOK_SECONDS = 0.5
# Seconds by which the clocks of workers and database may differ.
CLOCK_SECONDS = 60.0
# Seconds by which a clock must jump before the log mentions it.
JUMP_SECONDS = 5.0
# Seconds that may pass between reading two clocks that are compared.
CLOSE_SECONDS = 0.05


def claimable() -> QuerySet[Run]:
    """Runs without a worker: those that wait, and those whose lease has expired."""
    now = timezone.now()
    # A lease further ahead than any lease lasts is from before the clock was set back: its worker may be long dead.
    ahead = now + timedelta(seconds=settings.SLIPWAY_LEASE_SECONDS + CLOCK_SECONDS)
    expired = Run.with_expired_lease(now) | Q(lease_until__gt=ahead)
    lost = Q(state__in=(Run.State.RUNNING, Run.State.CANCELLING)) & expired
    return Run.objects.filter(Q(state=Run.State.QUEUED) | lost).order_by("id")


def claim_run(run_id: int, worker: str) -> Run | None:
    """Claim the run for this worker; None when another was faster.

    `worker` must be a new name, or the one that claimed the run a moment ago.
    """
    queued = Run.objects.filter(state=Run.State.QUEUED)
    if claim(queued, run_id, state=Run.State.RUNNING, worker=worker, started_at=timezone.now()):
        return Run.objects.get(pk=run_id)
    if claim(claimable(), run_id, worker=worker, takeovers=F("takeovers") + 1, failures=[]):
        return Run.objects.get(pk=run_id)
    return Run.objects.filter(pk=run_id, worker=worker, state=Run.State.RUNNING).first()


def release(run_id: int, worker: str) -> bool:
    """Release the run at once, so that another worker claims it without waiting for the lease to expire."""
    owned = Run.objects.filter(pk=run_id, worker=worker, state__in=Run.ACTIVE)
    return bool(owned.update(lease_until=timezone.now() - timedelta(seconds=1)))


def abandon(worker_prefix: str) -> int:
    """Release all runs of a worker that is known to be dead: nobody has to wait until its leases expire."""
    dead = Run.objects.filter(worker__startswith=worker_prefix, state__in=(Run.State.RUNNING, Run.State.CANCELLING))
    return dead.update(lease_until=timezone.now() - timedelta(seconds=1))


class Heartbeat:
    """Renews the lease of a run while it is executed, and reports when somebody asks it to stop.

    `on_lost` is called once when the run no longer belongs, or may no longer belong, to this worker;
    `on_cancel` once when a person asked the run to stop; `on_jump` with the seconds by which the clock was set;
    `on_look` at every check, for further checks; it may raise what the database raises.
    """

    def __init__(
        self,
        run: Run,
        *,
        on_lost: Callable[[str], None],
        on_cancel: Callable[[], None],
        on_jump: Callable[[float], None] | None = None,
        on_look: Callable[[], None] = lambda: None,
    ) -> None:
        self._named = Run.objects.filter(pk=run.pk, worker=run.worker)
        self._mine = self._named.filter(state__in=Run.ACTIVE)
        self._on_lost, self._on_cancel, self._on_jump = on_lost, on_cancel, on_jump
        self._on_look = on_look
        self._offset = _clock_offset()
        self._cancel_is_reported = False
        self._renewed = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat of run {run.pk}", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        try:
            while not self._stop.wait(min(LOOK_SECONDS, settings.SLIPWAY_HEARTBEAT_SECONDS)):
                try:
                    alive = self._look()
                except (DatabaseError, InterfaceError) as error:
                    alive = self._without_database(error)
                if not alive:
                    return
        finally:
            connections.close_all()

    def _look(self) -> bool:
        jump = _clock_offset() - self._offset
        if abs(jump) >= JUMP_SECONDS:
            self._offset += jump
            # The lease uses the clock that jumped: renew it at once.
            self._renewed -= settings.SLIPWAY_HEARTBEAT_SECONDS
            if self._on_jump is not None:
                self._on_jump(jump)
        if time.monotonic() - self._renewed >= settings.SLIPWAY_HEARTBEAT_SECONDS:
            if not self._mine.update(lease_until=lease_end()):
                # The run may have ended just now. Then no worker claimed it, and its last events are being stored.
                if self._named.exclude(state__in=Run.ACTIVE).exists():
                    return False
                self._on_lost("Another worker has taken over the run.")
                return False
            self._renewed = time.monotonic()
        if not self._cancel_is_reported and self._mine.filter(cancel_asked_at__isnull=False).exists():
            self._cancel_is_reported = True
            self._on_cancel()
        self._on_look()
        return True

    def _without_database(self, error: Exception) -> bool:
        """While the database is unreachable, the run continues as long as its lease: no other worker can claim it."""
        with suppress(DatabaseError, InterfaceError):
            connections.close_all()
        if time.monotonic() - self._renewed < settings.SLIPWAY_LEASE_SECONDS:
            log.warning("The heartbeat did not reach the database: %s", error)
            return True
        self._on_lost("The database did not answer until the lease expired; another worker may have the run.")
        return False


def _clock_offset() -> float:
    """How far wall-clock time is from the monotonic clock, which never jumps, in seconds.

    A pause of this process between reading the two clocks would count as a jump; then both are read again.
    """
    while True:
        before = time.monotonic()
        wall = timezone.now().timestamp()
        if (after := time.monotonic()) - before < CLOSE_SECONDS:
            return wall - after
