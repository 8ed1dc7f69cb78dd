"""The doorbell rings at most ten times a second, always sends the last ring, and never stops a run."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer

from clusters.runs.events import doorbell

if TYPE_CHECKING:
    import pytest
    from pytest_django import Settings


def test_many_events_cause_few_rings_and_the_last_one_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[int] = []
    monkeypatch.setattr(doorbell, "ring", lambda run_id, seq: rung.append(seq))
    bell = doorbell.Bell(1)
    for seq in range(1, 101):
        bell.news(seq)
    assert rung == [1]
    assert bell.owed
    time.sleep(doorbell.SHORTEST_GAP)
    bell.settle()
    assert rung == [1, 100]
    assert not bell.owed


def test_a_ring_contains_only_the_run_and_the_number(settings: Settings) -> None:
    settings.SLIPWAY_REDIS = "redis://somewhere"
    layer = get_channel_layer()
    assert layer is not None

    async def receive() -> object:
        ear = await layer.new_channel()
        await layer.group_add(doorbell.group(7), ear)
        await sync_to_async(doorbell.ring, thread_sensitive=False)(7, 42)
        return await asyncio.wait_for(layer.receive(ear), 5)

    assert asyncio.run(receive()) == {"type": "run.news", "seq": 42}


def test_a_failed_ring_is_only_logged(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SLIPWAY_REDIS = "redis://somewhere"

    def away() -> None:
        raise ConnectionRefusedError("redis is away")

    monkeypatch.setattr(doorbell, "get_channel_layer", lambda: type("Layer", (), {"group_send": lambda *_: away()})())
    doorbell.ring(7, 42)
    assert "did not ring" in caplog.text
