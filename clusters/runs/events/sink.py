"""DatabaseSink: takes events from any thread; one writer puts them into the database in order, without a gap."""

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
from clusters.runs.events.masking import Masks
from clusters.runs.events.redraws import Animations
from clusters.runs.events.store import LeaseLost, store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from clusters.config.secret import Secret
    from clusters.models import Run
    from clusters.runs.events.batches import Tails

log = logging.getLogger(__name__)

# Seconds that the first event of a batch waits for others.
GATHER_SECONDS = 0.03
# Events in one transaction, and events that wait at most: beyond that, whoever emits waits too.
BATCH_EVENTS = 2_000
WAITING_EVENTS = 20_000
WAITING_CHARACTERS = 16_000_000
# Seconds between two tries while the database does not answer.
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
# Seconds without the database from which the log says so.
WORTH_SAYING_SECONDS = 5.0


class DatabaseSink:
    """The sink of one claimed run. Continues the numbers that the database has.

    `on_lost` is called once, from the writer's thread, when the run turns out to be another worker's;
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
        self._taken = self._stored = 0
        self._last: events.RunChanged | None = None
        self._ending: dict[str, Any] = {}
        self._hurry = self._closing = self._lost = False
        self._change = threading.Condition()
        self._bell = Bell(run.pk)
        self._animations = Animations()
        self._writer = threading.Thread(target=self._write, name=f"sink of run {run.pk}", daemon=True)
        self._writer.start()

    @property
    def lost(self) -> bool:
        """Whether another worker has the run now."""
        return self._lost

    def emit(self, event: events.Event) -> None:
        """Take one event; waits while the database is too far behind."""
        if isinstance(event, events.SecretMade | events.Delivered) and event.content is not None:
            # At once, so that lines which wait already are masked too.
            self._mask(event)
        with self._change:
            while not self._lost and self._full():
                self._change.wait(1.0)
            if self._lost or self._closing:
                return
            for said in self._animations.pass_on(event):
                self._waiting.append(said)
                self._characters += _size(said)
                self._taken += 1
            if len(self._waiting) in (1, BATCH_EVENTS):
                self._change.notify_all()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was taken is stored; false when that did not come true in `timeout` seconds."""
        with self._change:
            until = self._taken
            self._hurry = True
            self._change.notify_all()
            return self._change.wait_for(lambda: self._lost or self._stored >= until, timeout) and not self._lost

    def finish(self, last: events.RunChanged, **fields: Any) -> bool:
        """Store what waits, the last event, and with it the end of the run; false when the run was lost before."""
        with self._change:
            if not self._lost:
                rest = [*self._animations.rest(), last]
                self._waiting.extend(rest)
                self._taken += len(rest)
                self._last, self._ending = last, fields
        return self.close()

    def close(self, timeout: float | None = None) -> bool:
        """Store what waits and stop; whatever is emitted later is dropped. Says whether all was stored."""
        with self._change:
            if not self._closing and not self._lost and self._last is None:
                rest = list(self._animations.rest())
                self._waiting.extend(rest)
                self._taken += len(rest)
            self._closing = True
            self._change.notify_all()
        self._writer.join(timeout)
        return not self._lost and not self._writer.is_alive()

    def fence(self, reason: str) -> None:
        """Write nothing more: the run is, or may be, another worker's."""
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
            while (taken := self._take()) is not None:
                self._put(taken)
                with self._change:
                    self._stored += len(taken)
                    self._change.notify_all()
        except LeaseLost as lost:
            self.fence(lost.message)
        finally:
            connections.close_all()

    def _take(self) -> list[events.Event] | None:
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
            taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_EVENTS))]
            self._characters = max(0, self._characters - sum(map(_size, taken)))
            self._change.notify_all()
            return taken

    def _put(self, taken: list[events.Event]) -> None:
        """Store a batch; when the database refuses it, event by event, with a note in place of the guilty one."""
        try:
            self._store(taken)
        except (DatabaseError, *UNUSABLE) as error:
            if len(taken) > 1:
                for event in taken:
                    self._put([event])
                return
            # Only the error's name: its text may quote the event, and that may hold a secret.
            log.error("Run %s: %s while storing an event of kind %s", self._run_id, type(error).__name__, taken[0].kind)
            note = note_about(taken[0], type(error).__name__)
            self._store([note], ending=self._ending if taken[0] is self._last else None)

    def _store(self, taken: list[events.Event], *, ending: dict[str, Any] | None = None) -> None:
        start = {"run_id": self._run_id, "seq": self._seq, "line": self._line}
        batch = make_batch(taken, **start, masks=self.masks, tails=self._tails)
        if taken[-1] is self._last:
            ending = self._ending
        self._insist(lambda: store(self._run_id, self._worker, self._seq, batch, ending))
        self._seq, self._line, self._tails = batch.seq, batch.line, batch.tails
        self._bell.news(self._seq)

    def _insist(self, deed: Callable[[], None]) -> None:
        """Do it again until the database takes it: it may be locked, restarting, or out of reach for a while."""
        pause = FIRST_PAUSE
        began = time.monotonic()
        refused = False
        while True:
            try:
                deed()
                self._note_trouble(time.monotonic() - began, refused)
                return
            except (OperationalError, InterfaceError) as error:
                refused = True
                if self._lost:
                    raise LeaseLost("The run was lost while the database did not answer.") from error
                log.warning(
                    "Run %s: the database does not take events (%s); again in %.2f s", self._run_id, error, pause
                )
                connections.close_all()
                time.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _note_trouble(self, seconds: float, refused: bool) -> None:
        """Say in the log itself that nothing was stored for so long that somebody may have wondered.

        If the database refused nothing, the cause may be a pause of this process, and the message names both.
        """
        if seconds < WORTH_SAYING_SECONDS:
            return
        why = "the database did not take it" if refused else "the database or the worker's machine was slow"
        text = f"Nothing was stored for {seconds:.0f} s: {why}. What was said meanwhile follows; nothing was lost."
        with self._change:
            # Before all that waits: the event that ends the run has to stay the last one.
            if self._waiting or not self._closing:
                self._waiting.appendleft(events.Output(stream="note", text=text))
                self._taken += 1
                self._change.notify_all()


def _size(event: events.Event) -> int:
    return len(event.text) if isinstance(event, events.Output) and isinstance(event.text, str) else 200
