"""RunSocket: the events of one run, replayed from any point and then followed to its end."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import Http404
from django.urls import path, re_path

from clusters.models import hashed
from clusters.numbers import next_page
from clusters.runs.events.doorbell import group, reaches_other_processes, session_group
from clusters.selectors import events_after
from clusters.services.client_address import address_of
from clusters.web.feed import EVENTS_AT_ONCE, Frame, frames, watching
from clusters.web.live_rights import (
    LOGGED_OUT,
    NO_SUCH_RUN,
    NOT_UNDERSTOOD,
    TRY_AGAIN,
    note_opening,
    refusal,
    watch_right,
)
from clusters.web.origins import request_of

if TYPE_CHECKING:
    from clusters.web.feed import Feed

log = logging.getLogger(__name__)

# Bytes and frames that may be in transit to a browser without its confirmation: the server below queues without a
# limit, and events that wait here meanwhile are sent in larger frames.
UNDER_WAY = 256 * 1024
FRAMES_UNDER_WAY = 8
# Events that a watcher that is behind reads at first; afterwards, as many as may be in transit.
EVENTS_AT_FIRST = 20
# Seconds after which a follower checks for events without a ring of the doorbell.
TURN_SECONDS = 1.0


class RunSocket(AsyncWebsocketConsumer):
    """The browser sends {"after": seq}; it gets {"type": "events"} frames in order and one {"type": "end"}.

    It confirms frames with {"got": seq}. A slow browser gets the next ones from the database when it is ready for them;
    nothing is dropped, and nothing piles up here.
    """

    async def connect(self) -> None:
        """Admit only those who may see the run."""
        self.follower: asyncio.Task[None] | None = None
        self.guard: asyncio.Task[None] | None = None
        self.feed: Feed | None = None
        self.confirmed = asyncio.Event()
        self.under_way: deque[tuple[int, int]] = deque()
        self.at_once = EVENTS_AT_FIRST
        self.run_id: int = self.scope["url_route"]["kwargs"]["pk"]
        self.session_key: str = self.scope["cookies"].get(settings.SESSION_COOKIE_NAME, "")
        # Before the check, so that nobody logs out unnoticed between them.
        for name in self._groups():
            await self.channel_layer.group_add(name, self.channel_name)
        code = await refusal(self.session_key, self.run_id) or await self._note_opening()
        # Always accepted first: browsers show a page the close code of an accepted socket only.
        await self.accept()
        if code:
            await self.close(code)
            return
        self.guard = asyncio.create_task(self._close_without_right())

    async def _note_opening(self) -> int:
        """Audit that another user's run is watch_right; returns the close code when that fails, else 0."""
        try:
            await note_opening(self.session_key, self.run_id, address_of(request_of(self.scope)))
        except Http404:
            return NO_SUCH_RUN
        except (DatabaseError, InterfaceError) as error:
            log.warning("Run %s: closing its socket because the audit cannot be written: %s", self.run_id, error)
            return TRY_AGAIN
        return 0

    async def disconnect(self, code: int) -> None:
        """Stop following."""
        await self._stop()
        for name in self._groups():
            await self.channel_layer.group_discard(name, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Start after the event that the browser has; a second such message starts again from there."""
        if self.guard is None:
            return
        got = _number(text_data, "got")
        if got is not None:
            while self.under_way and self.under_way[0][0] <= got:
                self.under_way.popleft()
            self.confirmed.set()
            return
        after = _number(text_data, "after")
        if after is None:
            await self._end(NOT_UNDERSTOOD)
            return
        await _cancel(self.follower)
        self.under_way.clear()
        self.follower = asyncio.create_task(self._follow(after))

    async def session_ended(self, message: dict[str, Any]) -> None:
        """The user has logged out in this browser."""
        await self._end(LOGGED_OUT)

    async def run_news(self, message: dict[str, Any]) -> None:
        """The doorbell rang."""
        if self.feed is not None:
            self.feed.news.set()

    def _groups(self) -> list[str]:
        """The groups to listen to: news of the run if there is a doorbell, and the end of the session."""
        mine = [session_group(hashed(self.session_key))] if self.session_key else []
        return [*mine, group(self.run_id)] if reaches_other_processes() else mine

    async def _close_without_right(self) -> None:
        async with watch_right(self.session_key, self.run_id) as watch:
            await watch.lost.wait()
        await _cancel(self.follower)
        await self.close(watch.code)

    async def _end(self, code: int) -> None:
        """Send nothing more, and close."""
        await self._stop()
        await self.close(code)

    async def _stop(self) -> None:
        guard, self.guard = self.guard, None
        await _cancel(guard)
        await _cancel(self.follower)

    async def _follow(self, after: int) -> None:
        """Send the existing events, then new ones; without the database, make the browser reconnect."""
        try:
            await self._follow_to_end(after)
        except (DatabaseError, InterfaceError) as error:
            log.warning("Run %s: disconnecting a watcher because the database does not answer: %s", self.run_id, error)
            await self.close(TRY_AGAIN)

    async def _follow_to_end(self, after: int) -> None:
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
                    await feed.turn(TURN_SECONDS)

    async def _next(self, feed: Feed, after: int) -> list[Frame]:
        """The next frames: the one that every watcher gets, or a page from the database for one that is behind."""
        if after >= feed.seq:
            return []
        if (frame := feed.frames_after(after)) is not None:
            return [frame]
        count = min(self.at_once, feed.border_after(after) - after)
        events = await database_sync_to_async(events_after)(self.run_id, after, count)
        made = frames(events) if events else []
        # Events that were read wait here until the browser has confirmed those before them.
        size = sum(frame.size for frame in made)
        self.at_once = next_page(self.at_once, size, most=EVENTS_AT_ONCE, most_bytes=UNDER_WAY)
        return made

    async def _room(self) -> None:
        """Wait until the browser has confirmed most of what is in transit to it."""
        while len(self.under_way) >= FRAMES_UNDER_WAY or sum(size for _, size in self.under_way) > UNDER_WAY:
            self.confirmed.clear()
            await self.confirmed.wait()

    async def _send(self, frame: Frame) -> None:
        self.under_way.append((frame.last, len(frame.text)))
        await self.send(frame.text)


async def _cancel(task: asyncio.Task[None] | None) -> None:
    """Cancel a task, and wait until it has ended in any way."""
    if task is not None:
        task.cancel()
        await asyncio.wait([task])


def _number(text: str | None, name: str) -> int | None:
    try:
        value = json.loads(text or "")[name]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


async def no_such_socket(scope: Any, receive: Any, send: Any) -> None:
    """Respond with 404 instead of accepting: no socket exists at this address."""
    log.info("No live socket at %.200r", scope["path"])
    await send({"type": "websocket.http.response.start", "status": 404, "headers": []})
    await send({"type": "websocket.http.response.body", "body": b""})


websocket_urls = [
    # Channels routes to ASGI applications with Django's functions, whose stubs take views alone.
    path("ws/runs/<int:pk>/", RunSocket.as_asgi()),  # type: ignore[arg-type]
    re_path("", no_such_socket),  # type: ignore[arg-type]
]
