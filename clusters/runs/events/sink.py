"""DatabaseSink: accepts events from any thread; one writer stores them in the database in order, without gaps."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, InterfaceError, OperationalError, connections

from clusters.config.secrets.finder import secrets_in
from clusters.engine import events
from clusters.runs.events.batches import UNUSABLE, make_batch, note_about
from clusters.runs.events.doorbell import Bell
from clusters.runs.events.log_masks import Masks
from clusters.runs.events.redraws import Redraws
from clusters.runs.events.store import LeaseLost, store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from clusters.config.secret import Secret
    from clusters.models import Run
    from clusters.runs.events.batches import Tails

log = logging.getLogger(__name__)

# Seconds that the first event of a batch waits for others.
GATHER_SECONDS = 0.03
# Events in one transaction, and the limits of waiting events: beyond them, `emit` waits, too.
BATCH_EVENTS = 2_000
WAITING_EVENTS = 20_000
WAITING_CHARACTERS = 16_000_000
# Seconds between two tries while the database does not answer.
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
# An outage of the database that is longer than this is logged, in seconds.
LOGGED_OUTAGE_SECONDS = 5.0


class DatabaseSink:
    """The sink of one claimed run. Continues the numbers in the database.

    `on_lost` is called once, from the writer's thread, when another worker turns out to have the run;
    from then on events are dropped.
    """

    def __init__(
        self, run: Run, *, secrets: Iterable[Secret] = (), on_lost: Callable[[str], None] | None = None
    ) -> None:
        self.masks = Masks(secrets)
        self._run_id, self._worker = run.pk, run.worker
        self._seq, self._line = run.last_seq, run.last_line
        self._tails: Tails = {}
        self._on_lost = on_lost
        self._waiting: deque[events.Event] = deque()
        self._characters = 0
        self._accepted = self._stored = 0
        self._last: events.RunChanged | None = None
        self._ending: dict[str, Any] = {}
        self._hurry = self._closing = self._lost = False
        self._change = threading.Condition()
        self._bell = Bell(run.pk)
        self._redraws = Redraws()
        self._writer = threading.Thread(target=self._write, name=f"sink of run {run.pk}", daemon=True)
        self._writer.start()

    @property
    def lost(self) -> bool:
        """Whether another worker has the run now."""
        return self._lost

    def emit(self, event: events.Event) -> None:
        """Accept one event; waits while the database is too far behind."""
        if isinstance(event, events.SecretMade | events.Delivered) and event.content is not None:
            # At once, so that lines already waiting are masked, too.
            self._mask(event)
        with self._change:
            while not self._lost and self._full():
                self._change.wait(1.0)
            if self._lost or self._closing:
                return
            for each in self._redraws.pass_on(event):
                self._waiting.append(each)
                self._characters += _size(each)
                self._accepted += 1
            if len(self._waiting) in (1, BATCH_EVENTS):
                self._change.notify_all()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all accepted events are stored; false if that takes longer than `timeout` seconds."""
        with self._change:
            until = self._accepted
            self._hurry = True
            self._change.notify_all()
            return self._change.wait_for(lambda: self._lost or self._stored >= until, timeout) and not self._lost

    def finish(self, last: events.RunChanged, **fields: Any) -> bool:
        """Store waiting events, then the last event with the end of the run; false when the run was lost before."""
        with self._change:
            if not self._lost:
                rest = [*self._redraws.rest(), last]
                self._waiting.extend(rest)
                self._accepted += len(rest)
                self._last, self._ending = last, fields
        return self.close()

    def close(self, timeout: float | None = None) -> bool:
        """Store waiting events and stop; later events are dropped. Returns whether all were stored."""
        with self._change:
            if not self._closing and not self._lost and self._last is None:
                rest = list(self._redraws.rest())
                self._waiting.extend(rest)
                self._accepted += len(rest)
            self._closing = True
            self._change.notify_all()
        self._writer.join(timeout)
        return not self._lost and not self._writer.is_alive()

    def fence(self, reason: str) -> None:
        """Write nothing more: another worker has, or may have, the run."""
        with self._change:
            if self._lost:
                return
            self._lost = True
            self._waiting.clear()
            self._change.notify_all()
        log.warning("Run %s: %s", self._run_id, reason)
        if self._on_lost is not None:
            self._on_lost(reason)

    def _mask(self, event: events.SecretMade | events.Delivered) -> None:
        if isinstance(event, events.SecretMade) and event.content is not None:
            self.masks.add(event.content)
        elif event.content is not None:
            for secret in secrets_in(event.content.reveal()):
                self.masks.add(secret)

    def _full(self) -> bool:
        return len(self._waiting) >= WAITING_EVENTS or self._characters >= WAITING_CHARACTERS

    def _write(self) -> None:
        try:
            while (batch := self._next_batch()) is not None:
                self._put(batch)
                with self._change:
                    self._stored += len(batch)
                    self._change.notify_all()
        except LeaseLost as lost:
            self.fence(lost.message)
        finally:
            connections.close_all()

    def _next_batch(self) -> list[events.Event] | None:
        """The next batch in order; None when closed and empty, or lost."""
        with self._change:
            while not self._waiting and not self._closing and not self._lost:
                self._hurry = False
                self._change.wait(GATHER_SECONDS if self._bell.owed else None)
                self._bell.settle()
            deadline = time.monotonic() + GATHER_SECONDS
            while len(self._waiting) < BATCH_EVENTS and not (self._closing or self._hurry or self._lost):
                if (left := deadline - time.monotonic()) <= 0:
                    break
                self._change.wait(left)
            if self._lost or not self._waiting:
                return None
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_EVENTS))]
            self._characters = max(0, self._characters - sum(map(_size, batch)))
            self._change.notify_all()
            return batch

    def _put(self, fresh: list[events.Event]) -> None:
        """Store a batch; if the database refuses it, event by event, with a note in place of the refused one."""
        try:
            self._store(fresh)
        except (DatabaseError, *UNUSABLE) as error:
            if len(fresh) > 1:
                for event in fresh:
                    self._put([event])
                return
            # Only the error's name: its text may quote the event, which may contain a secret.
            log.error("Run %s: %s while storing an event of kind %s", self._run_id, type(error).__name__, fresh[0].kind)
            note = note_about(fresh[0], type(error).__name__)
            self._store([note], ending=self._ending if fresh[0] is self._last else None)

    def _store(self, fresh: list[events.Event], *, ending: dict[str, Any] | None = None) -> None:
        start = {"run_id": self._run_id, "seq": self._seq, "line": self._line}
        batch = make_batch(fresh, **start, masks=self.masks, tails=self._tails)
        if fresh[-1] is self._last:
            ending = self._ending
        self._insist(lambda: store(self._run_id, self._worker, self._seq, batch, ending))
        self._seq, self._line, self._tails = batch.seq, batch.line, batch.tails
        self._bell.news(self._seq)

    def _insist(self, write: Callable[[], None]) -> None:
        """Repeat until the database accepts it: it may be locked, restarting, or unreachable for a while."""
        pause = FIRST_PAUSE
        began = time.monotonic()
        refused = False
        while True:
            try:
                write()
                self._note_outage(time.monotonic() - began, refused)
                return
            except (OperationalError, InterfaceError) as error:
                refused = True
                if self._lost:
                    raise LeaseLost("The run was lost while the database did not answer.") from error
                log.warning(
                    "Run %s: the database does not store events (%s); trying again in %.2f s",
                    self._run_id,
                    error,
                    pause,
                )
                connections.close_all()
                time.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _note_outage(self, seconds: float, refused: bool) -> None:
        """Explain in the log why nothing was stored for a noticeable time.

        If the database refused nothing, the cause may be a pause of this process, and the message names both.
        """
        if seconds < LOGGED_OUTAGE_SECONDS:
            return
        why = "the database was unavailable" if refused else "the database or the worker's machine was slow"
        text = f"Nothing was stored for {seconds:.0f} s: {why}. Buffered output follows; nothing was lost."
        with self._change:
            # Before all waiting events: the event that ends the run must stay the last one.
            if self._waiting or not self._closing:
                self._waiting.appendleft(events.Output(stream="note", text=text))
                self._accepted += 1
                self._change.notify_all()


def _size(event: events.Event) -> int:
    return len(event.text) if isinstance(event, events.Output) and isinstance(event.text, str) else 200
