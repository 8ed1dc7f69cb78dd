"""The lease: who has a run or a probe, for how long, and what happens when that is no longer true."""

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

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

# Seconds between two looks at "does somebody want this to stop".
LOOK_SECONDS = 0.5
# Seconds by which the clocks of workers and database may differ.
CLOCK_SECONDS = 60.0
# Seconds by which a clock must jump before that is worth a line in the log.
JUMP_SECONDS = 5.0
# Seconds that may lie between two looks at clocks that are compared.
CLOSE_SECONDS = 0.05


def claimable() -> QuerySet[Run]:
    """Runs that nobody works on: those that wait, and those whose worker has not been heard of."""
    now = timezone.now()
    # A lease further ahead than any can be given is from before the clock was set back: its worker may be long dead.
    ahead = now + timedelta(seconds=settings.SLIPWAY_LEASE_SECONDS + CLOCK_SECONDS)
    over = Q(lease_until__lt=now) | Q(lease_until__gt=ahead)
    lost = Q(state__in=(Run.State.RUNNING, Run.State.CANCELLING)) & over
    return Run.objects.filter(Q(state=Run.State.QUEUED) | lost).order_by("id")


def claim(run_id: int, worker: str) -> Run | None:
    """Make the run this worker's; None when another was faster.

    `worker` has to be a name never used before, or that by which the run was claimed a moment ago.
    """
    now = timezone.now()
    until = now + timedelta(seconds=settings.SLIPWAY_LEASE_SECONDS)
    fresh = Run.objects.filter(pk=run_id, state=Run.State.QUEUED)
    if fresh.update(state=Run.State.RUNNING, worker=worker, lease_until=until, started_at=now):
        return Run.objects.get(pk=run_id)
    taken = claimable().filter(pk=run_id).order_by()
    if taken.update(worker=worker, lease_until=until, takeovers=F("takeovers") + 1, failures=[]):
        return Run.objects.get(pk=run_id)
    return Run.objects.filter(pk=run_id, worker=worker, state=Run.State.RUNNING).first()


def release(run_id: int, worker: str) -> bool:
    """Give the run back at once, so that another worker takes it over without waiting for the lease to run out."""
    owned = Run.objects.filter(pk=run_id, worker=worker, state__in=Run.ACTIVE)
    return bool(owned.update(lease_until=timezone.now() - timedelta(seconds=1)))


def abandon(worker_prefix: str) -> int:
    """Give back all runs of a worker that is known to be dead: nobody has to wait until its lease runs out."""
    dead = Run.objects.filter(worker__startswith=worker_prefix, state__in=(Run.State.RUNNING, Run.State.CANCELLING))
    return dead.update(lease_until=timezone.now() - timedelta(seconds=1))


class Heartbeat:
    """Keeps a run this worker's while it is carried out, and passes on that somebody wants it to stop.

    `on_lost` is called once when the run is no longer, or may no longer be, this worker's;
    `on_cancel` once when a person asked for the end; `on_jump` with the seconds by which the clock was set;
    `on_look` at every look, to look for more, and it may raise what the database raises.
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
        self._told_cancel = False
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
            # The lease is on the clock that jumped: give it anew at once.
            self._renewed -= settings.SLIPWAY_HEARTBEAT_SECONDS
            if self._on_jump is not None:
                self._on_jump(jump)
        if time.monotonic() - self._renewed >= settings.SLIPWAY_HEARTBEAT_SECONDS:
            until = timezone.now() + timedelta(seconds=settings.SLIPWAY_LEASE_SECONDS)
            if not self._mine.update(lease_until=until):
                # The run may have ended just now. Then nobody took it, and its last events are still on their way.
                if self._named.exclude(state__in=Run.ACTIVE).exists():
                    return False
                self._on_lost("Another worker has taken the run over.")
                return False
            self._renewed = time.monotonic()
        if not self._told_cancel and self._mine.filter(cancel_asked_at__isnull=False).exists():
            self._told_cancel = True
            self._on_cancel()
        self._on_look()
        return True

    def _without_database(self, error: Exception) -> bool:
        """While the database is away the run may go on as long as the lease holds: nobody else can have it."""
        with suppress(DatabaseError, InterfaceError):
            connections.close_all()
        if time.monotonic() - self._renewed < settings.SLIPWAY_LEASE_SECONDS:
            log.warning("The heartbeat did not reach the database: %s", error)
            return True
        self._on_lost("The database did not answer until the lease ran out; another worker may have the run.")
        return False


def _clock_offset() -> float:
    """How far the clock on the wall is from the one that never jumps, in seconds.

    A pause of this process between reading the two clocks would count as a jump, so that both are read again.
    """
    while True:
        before = time.monotonic()
        wall = timezone.now().timestamp()
        if (after := time.monotonic()) - before < CLOSE_SECONDS:
            return wall - after
