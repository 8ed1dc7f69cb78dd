"""RunSocket: the events of one run, replayed from any point and then followed to its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.http import Http404
from django.urls import path

from clusters.models import Run
from clusters.runs.doorbell import group, heard
from clusters.selectors import events_after, run_for

if TYPE_CHECKING:
    from clusters.models import Event

ANONYMOUS, FOREIGN = 4403, 4404
"""Close codes: nobody is logged in; there is no such run for this person."""

FRAME_BYTES = 64 * 1024
EVENTS_AT_ONCE = 200
# Seconds between two looks into the database; the doorbell only makes it faster.
POLL_SECONDS = 0.25
POLL_SECONDS_WITH_BELL = 0.5
# Seconds after which whoever follows is looked up again: a session may have ended, a run been given away.
RECHECK_SECONDS = 30.0


class RunSocket(AsyncWebsocketConsumer):
    """The browser sends {"after": seq}; it gets {"type": "events"} frames in order and one {"type": "end"}."""

    async def connect(self) -> None:
        """Accept only those who may see the run."""
        self.follower: asyncio.Task[None] | None = None
        self.news = asyncio.Event()
        self.run_id: int = self.scope["url_route"]["kwargs"]["pk"]
        if code := await database_sync_to_async(self._refusal)():
            await self.close(code)
            return
        await self.accept()
        if heard():
            await self.channel_layer.group_add(group(self.run_id), self.channel_name)

    async def disconnect(self, code: int) -> None:
        """Stop following."""
        if self.follower is not None:
            self.follower.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.follower
        if heard():
            await self.channel_layer.group_discard(group(self.run_id), self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Begin after the number that the browser has; a second message begins anew from there."""
        after = _number(text_data)
        if after is None:
            await self.close(1008)
            return
        if self.follower is not None:
            self.follower.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.follower
        self.follower = asyncio.create_task(self._follow(after))

    async def run_news(self, message: dict[str, Any]) -> None:
        """The doorbell rang."""
        self.news.set()

    def _refusal(self) -> int:
        user = self.scope.get("user")
        if user is None or not user.is_authenticated:
            return ANONYMOUS
        try:
            run_for(user, self.run_id)
        except Http404:
            return FOREIGN
        return 0

    async def _follow(self, after: int) -> None:
        """Send what is there, then wait for more. One page of events is in memory at a time, and the next one is
        read only when the connection has taken this one."""
        clock = asyncio.get_running_loop()
        checked = clock.time()
        while True:
            state, last_seq = await self._stand()
            while after < last_seq:
                events = await database_sync_to_async(events_after)(Run(pk=self.run_id), after, EVENTS_AT_ONCE)
                if not events:
                    break
                for frame in frames(events):
                    await self.send(frame)
                after = events[-1].seq
            if state not in Run.ACTIVE and after >= last_seq:
                await self.send(json.dumps({"type": "end", "state": state, "last_seq": last_seq}))
                return
            if clock.time() - checked > RECHECK_SECONDS:
                checked = clock.time()
                if code := await database_sync_to_async(self._refusal)():
                    await self.close(code)
                    return
            await self._wait()

    async def _stand(self) -> tuple[str, int]:
        """State and newest number, by one look at the run's own row."""
        rows = Run.objects.filter(pk=self.run_id).values_list("state", "last_seq")
        return await database_sync_to_async(rows.first)() or ("failed", 0)

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.news.wait(), POLL_SECONDS_WITH_BELL if heard() else POLL_SECONDS)
        self.news.clear()


def frames(events: list[Event]) -> list[str]:
    """The events as JSON frames of at most 64 KB; one that is larger by itself comes without its data."""
    made: list[str] = []
    waiting: list[str] = []
    size = 0
    for event in events:
        text = json.dumps(_row(event), ensure_ascii=False)
        length = len(text.encode())
        if length > FRAME_BYTES - 100:
            text = json.dumps({**_row(event), "data": {"left_out": length}})
            length = len(text)
        if waiting and size + length > FRAME_BYTES - 100:
            made.append(_frame(waiting))
            waiting, size = [], 0
        waiting.append(text)
        size += length + 1
    return [*made, _frame(waiting)]


def _frame(events: list[str]) -> str:
    return f'{{"type":"events","events":[{",".join(events)}]}}'


def _row(event: Event) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "at": event.at.timestamp(),
        "kind": event.kind,
        "host": event.host,
        "step": event.step,
        "data": event.data,
        "first_line": event.first_line,
    }


def _number(text: str | None) -> int | None:
    try:
        after = json.loads(text or "")["after"]
    except (ValueError, KeyError, TypeError):
        return None
    return after if isinstance(after, int) and not isinstance(after, bool) and after >= 0 else None


websocket_urls = [path("ws/runs/<int:pk>/", RunSocket.as_asgi())]
