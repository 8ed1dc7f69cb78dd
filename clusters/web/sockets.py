"""RunSocket: the events of one run, replayed from any point and then followed to its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError, InterfaceError
from django.urls import path

from clusters.models import Run
from clusters.runs.doorbell import group, heard
from clusters.selectors import events_after, run_visible
from clusters.web.feed import EVENTS_AT_ONCE, Frame, frames, watching

if TYPE_CHECKING:
    from clusters.web.feed import Feed

log = logging.getLogger(__name__)

ANONYMOUS, FOREIGN = 4403, 4404
"""Close codes: nobody is logged in; there is no such run for this person."""

# Bytes and frames that may be under way to a browser that has not said it has them: the server under us queues
# without end, and what waits here meanwhile goes in larger frames.
UNDER_WAY = 256 * 1024
FRAMES_UNDER_WAY = 8
# Seconds after which whoever follows is looked up again: a session may have ended, a run been given away.
RECHECK_SECONDS = 30.0


class RunSocket(AsyncWebsocketConsumer):
    """The browser sends {"after": seq}; it gets {"type": "events"} frames in order and one {"type": "end"}.

    It answers frames with {"got": seq}. A browser that takes its time gets the next ones when it is ready for them,
    from the database; nothing is dropped, and nothing piles up here.
    """

    async def connect(self) -> None:
        """Accept only those who may see the run."""
        self.follower: asyncio.Task[None] | None = None
        self.feed: Feed | None = None
        self.taken = asyncio.Event()
        self.under_way: deque[tuple[int, int]] = deque()
        self.run_id: int = self.scope["url_route"]["kwargs"]["pk"]
        if code := await database_sync_to_async(self._refusal)():
            await self.close(code)
            return
        await self.accept()
        if heard():
            await self.channel_layer.group_add(group(self.run_id), self.channel_name)

    async def disconnect(self, code: int) -> None:
        """Stop following."""
        await self._stop()
        if heard():
            await self.channel_layer.group_discard(group(self.run_id), self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Begin after the number that the browser has; a second such message begins anew from there."""
        got = _number(text_data, "got")
        if got is not None:
            while self.under_way and self.under_way[0][0] <= got:
                self.under_way.popleft()
            self.taken.set()
            return
        after = _number(text_data, "after")
        if after is None:
            await self.close(1008)
            return
        await self._stop()
        self.under_way.clear()
        self.follower = asyncio.create_task(self._follow(after))

    async def run_news(self, message: dict[str, Any]) -> None:
        """The doorbell rang."""
        if self.feed is not None:
            self.feed.news.set()

    async def _stop(self) -> None:
        if self.follower is not None:
            self.follower.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.follower

    def _refusal(self) -> int:
        user = self.scope.get("user")
        if user is None or not user.is_authenticated:
            return ANONYMOUS
        return 0 if run_visible(user, self.run_id) else FOREIGN

    async def _follow(self, after: int) -> None:
        """Send what is there, then what comes; without the database, have the browser come again."""
        try:
            await self._follow_to_end(after)
        except (DatabaseError, InterfaceError) as error:
            log.warning("Run %s: a watcher is sent away, the database does not answer: %s", self.run_id, error)
            await self.close(1011)

    async def _follow_to_end(self, after: int) -> None:
        clock = asyncio.get_running_loop()
        checked = clock.time()
        async with watching(self.run_id) as feed:
            self.feed = feed
            await feed.ready.wait()
            while True:
                await self._room()
                for frame in await self._next(feed, after):
                    await self._room()
                    await self._send(frame)
                    after = frame.last
                if after >= feed.seq:
                    if feed.over:
                        await self.send(json.dumps({"type": "end", "state": feed.state, "last_seq": feed.seq}))
                        return
                    await feed.turn(min(1.0, RECHECK_SECONDS))
                if clock.time() - checked > RECHECK_SECONDS:
                    checked = clock.time()
                    if code := await database_sync_to_async(self._refusal)():
                        await self.close(code)
                        return

    async def _next(self, feed: Feed, after: int) -> list[Frame]:
        """What follows: the frame that everybody gets, or for those who are behind, a page of the database."""
        if after >= feed.seq:
            return []
        if (frame := feed.frames_after(after)) is not None:
            return [frame]
        count = min(EVENTS_AT_ONCE, feed.border_after(after) - after)
        events = await database_sync_to_async(events_after)(Run(pk=self.run_id), after, count)
        return frames(events) if events else []

    async def _room(self) -> None:
        """Wait until the browser has taken most of what is under way to it."""
        while len(self.under_way) >= FRAMES_UNDER_WAY or sum(size for _, size in self.under_way) > UNDER_WAY:
            self.taken.clear()
            await self.taken.wait()

    async def _send(self, frame: Frame) -> None:
        self.under_way.append((frame.last, len(frame.text)))
        await self.send(frame.text)


def _number(text: str | None, name: str) -> int | None:
    try:
        value = json.loads(text or "")[name]
    except (ValueError, KeyError, TypeError):
        return None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


websocket_urls = [path("ws/runs/<int:pk>/", RunSocket.as_asgi())]
