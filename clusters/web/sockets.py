"""RunSocket: the events of one run, replayed from any point and then followed."""

from __future__ import annotations

from typing import Any

websocket_urls: list[Any] = []
