"""FairPlaces: a number of places in this process, shared fairly between clients that take turns."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class FairPlaces:
    """Places of one event loop. Clients that wait are served in turn, however often each of them waits."""

    def __init__(self, most: int, of_one: int) -> None:
        self._most, self._of_one = most, of_one
        self._busy: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @property
    def empty(self) -> bool:
        """Whether no client has a place or waits for one."""
        return not self._busy and not self._waiting

    @asynccontextmanager
    async def place(self, client: str) -> AsyncIterator[None]:
        """A place for as long as the block takes."""
        await self.enter(client)
        try:
            yield
        finally:
            self.leave(client)

    async def enter(self, client: str) -> None:
        """Wait for a place; `leave` returns it."""
        if self._has_room(client) and client not in self._waiting:
            self._busy[client] += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._forget(client, turn)
            else:
                self.leave(client)
            raise

    def leave(self, client: str) -> None:
        """The place is free again."""
        self._busy[client] -= 1
        if not self._busy[client]:
            del self._busy[client]
        while (following := next((each for each in self._waiting if self._has_room(each)), None)) is not None:
            waiting = self._waiting.pop(following)
            turn = waiting.popleft()
            if waiting:  # to the end of the line, behind all others that wait
                self._waiting[following] = waiting
            if not turn.done():  # else its client has just given up
                self._busy[following] += 1
                turn.set_result(None)

    def _has_room(self, client: str) -> bool:
        return self._busy[client] < self._of_one and self._busy.total() < self._most

    def _forget(self, client: str, turn: asyncio.Future[None]) -> None:
        waiting = self._waiting.get(client)
        if waiting and turn in waiting:
            waiting.remove(turn)
            if not waiting:
                del self._waiting[client]


def client_called(person: int) -> str:
    """The name of a signed-in user as a client, made from the id; no address looks like it."""
    return f"person {person}"
