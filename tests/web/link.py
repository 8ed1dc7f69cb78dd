"""A browser's end of a socket within this process, for tests on a busy machine."""

from __future__ import annotations

from typing import Any

from channels.testing import WebsocketCommunicator

PATIENCE = 30.0
"""Seconds. The one second that Channels gives passes on a busy machine before anybody had a turn."""


class Link(WebsocketCommunicator):
    """Waits for messages with a generous timeout."""

    async def connect(self, timeout: float = PATIENCE) -> Any:
        """Whether it was accepted, and its subprotocol or close code."""
        return await super().connect(timeout)

    async def receive_output(self, timeout: float = PATIENCE) -> Any:
        """The next message."""
        return await super().receive_output(timeout)

    async def receive_from(self, timeout: float = PATIENCE) -> Any:
        """The next frame."""
        return await super().receive_from(timeout)

    async def disconnect(self, code: int = 1000, timeout: float = PATIENCE) -> None:
        """Disconnect, and wait until the other side has noticed."""
        await super().disconnect(code, timeout)
