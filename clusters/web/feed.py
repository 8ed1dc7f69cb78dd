"""Feed: reads the events of one run once for all its watchers in this process, and encodes their frames once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from django.db import DatabaseError, InterfaceError

from clusters.models import Run
from clusters.runs.events.doorbell import reaches_other_processes
from clusters.selectors import events_after

if TYPE_CHECKING:
    from clusters.selectors import EventText

log = logging.getLogger(__name__)

FRAME_BYTES = 64 * 1024
EVENTS_AT_ONCE = 200
# Bytes of the newest frames that are cached for all; a watcher that is further behind reads the database itself.
KEPT_BYTES = 4 * 1024 * 1024
# Seconds between two reads of the database: while events arrive, while none do, and with a doorbell.
POLL_SECONDS = 0.04
POLL_SECONDS_IDLE = 0.25
POLL_SECONDS_WITH_BELL = 0.5
# Seconds without an event after which the run counts as idle.
IDLE_AFTER = 3.0


HEAD, TAIL = '{"type":"events","events":[', "]}"


@dataclass(frozen=True, slots=True)
class Frame:
    """Events `first` to `last` as the text that is sent over a socket."""

    first: int
    last: int
    text: str = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes."""
        return _size(self.text)

    @property
    def events(self) -> str:
        """The events in the text, without head and tail."""
        return self.text[len(HEAD) : -len(TAIL)]


class Feed:
    """One run for all watchers. `seq` is the newest event it has read, `state` the run's state after it."""

    def __init__(self, run_id: int) -> None:
        self.run_id = run_id
        self.seq = 0
        self.state: str = Run.State.RUNNING
        self.news = asyncio.Event()
        self.ready = asyncio.Event()
        self.watchers = 0
        self._busy = False
        self._frames: deque[Frame] = deque()
        self._by_first: dict[int, Frame] = {}
        self._bytes = 0
        self._turn = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        """Whether there will be no more events than those read."""
        return self.state not in Run.ACTIVE

    def frames_after(self, seq: int) -> Frame | None:
        """The cached frame that starts with the next event, merged with those after it; None when it is not cached.

        A watcher that is behind thus gets few large frames instead of many small ones.
        """
        found = first = self._by_first.get(seq + 1)
        if first is None or found is None:
            return None
        waiting: list[Frame] = []
        size = 0
        while found is not None and (not waiting or size + found.size <= FRAME_BYTES):
            waiting.append(found)
            size += found.size
            found = self._by_first.get(found.last + 1)
        return first if len(waiting) == 1 else _frame(first.first, waiting[-1].last, [one.events for one in waiting])

    def border_after(self, seq: int) -> int:
        """The last event that a watcher reads from the database itself; a cached frame starts right after it."""
        if not self._frames or self._frames[-1].last <= seq:
            return self.seq
        if seq + 1 < self._frames[0].first:
            return self._frames[0].first - 1
        return next(frame.last for frame in self._frames if frame.last > seq)

    async def turn(self, seconds: float) -> None:
        """Wait until something was read, at most that long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._turn.wait(), seconds)

    async def run(self) -> None:
        """Read as long as there are watchers; retries when the database does not answer."""
        clock = asyncio.get_running_loop()
        happened = clock.time()
        while not (self.over and self.ready.is_set()):
            try:
                if await self._look():
                    happened = clock.time()
            except (DatabaseError, InterfaceError) as error:
                log.warning("Run %s: cannot read its events now: %s", self.run_id, error)
            if not self.over:
                await self._wait(idle=clock.time() - happened > IDLE_AFTER)

    async def _look(self) -> bool:
        """Read new events; returns whether there were any. The first call only finds the end."""
        if self._busy and (events := await self._read()) and all(event.kind != "run" for event in events):
            # While events arrive, the run's row is read only when it may have changed.
            self._keep(frames(events))
            return True
        state, last = await self._stand()
        if not self.ready.is_set():
            self.state, self.seq = state, last
            self.ready.set()
            return True
        self._busy = self.seq < last
        while self.seq < last and (events := await self._read()):
            self._keep(frames(events))
        if state != self.state and self.seq >= last:
            self.state = state
            self._wake_watchers()
        return self._busy

    async def _read(self) -> list[EventText]:
        return await database_sync_to_async(events_after)(self.run_id, self.seq, EVENTS_AT_ONCE)

    def _keep(self, made: list[Frame]) -> None:
        for frame in made:
            self._frames.append(frame)
            self._by_first[frame.first] = frame
            self._bytes += frame.size
            self.seq = frame.last
        while self._bytes > KEPT_BYTES:
            old = self._frames.popleft()
            del self._by_first[old.first]
            self._bytes -= old.size
        self._wake_watchers()

    def _wake_watchers(self) -> None:
        self._turn.set()
        self._turn = asyncio.Event()

    async def _stand(self) -> tuple[str, int]:
        """State and newest event number, from one read of the run's row."""
        rows = Run.objects.filter(pk=self.run_id).values_list("state", "last_seq")
        return await database_sync_to_async(rows.first)() or ("failed", 0)

    async def _wait(self, *, idle: bool) -> None:
        pause = POLL_SECONDS_WITH_BELL if reaches_other_processes() else POLL_SECONDS_IDLE if idle else POLL_SECONDS
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.news.wait(), pause)
        self.news.clear()


_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, Feed]] = WeakKeyDictionary()


@contextlib.asynccontextmanager
async def watching(run_id: int) -> Any:
    """The feed of a run; it reads while at least one watcher is in this block."""
    feeds = _feeds.setdefault(asyncio.get_running_loop(), {})
    feed = feeds.get(run_id)
    if feed is None or feed.task is None or feed.task.done():
        # A finished feed has read its run to the end; a later watcher starts a new one, which costs one read.
        feed = feeds[run_id] = Feed(run_id)
        feed.task = asyncio.create_task(feed.run())
    feed.watchers += 1
    try:
        yield feed
    finally:
        feed.watchers -= 1
        if not feed.watchers:
            if feeds.get(run_id) is feed:
                del feeds[run_id]
            feed.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await feed.task


def frames(events: list[EventText]) -> list[Frame]:
    """The events as JSON frames of at most 64 KB; a single event that is larger comes without its data."""
    made: list[Frame] = []
    waiting: list[str] = []
    first = events[0].seq
    size = 0
    for event in events:
        text = _json(event)
        length = _size(text)
        if length > FRAME_BYTES - 100:
            text = _json(replace(event, data=f'{{"left_out": {length}}}'))
            length = len(text)
        if waiting and size + length > FRAME_BYTES - 100:
            made.append(_frame(first, event.seq - 1, waiting))
            first, waiting, size = event.seq, [], 0
        waiting.append(text)
        size += length + 1
    return [*made, _frame(first, events[-1].seq, waiting)]


def _frame(first: int, last: int, events: list[str]) -> Frame:
    return Frame(first, last, HEAD + ",".join(events) + TAIL)


def _json(event: EventText) -> str:
    kind, host, step = map(json.dumps, (event.kind, event.host, event.step))
    return (
        f'{{"seq":{event.seq},"at":{event.at!r},"kind":{kind},"host":{host},"step":{step},'
        f'"data":{event.data},"first_line":{event.first_line}}}'
    )


def _size(text: str) -> int:
    """Bytes; nearly all text is ASCII, whose size is known at once."""
    return len(text) if text.isascii() else len(text.encode())
