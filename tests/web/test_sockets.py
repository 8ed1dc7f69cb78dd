"""The socket of a run: only for users who may see it, complete from any point, with an end."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.db import connections

from clusters.selectors import events_after
from clusters.web import feed, sockets
from tests.web.runsocket import add, end, socket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from django.contrib.auth.models import User

    from clusters.models import Run
    from clusters.selectors import EventText
    from tests.web.link import Link

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


@pytest_asyncio.fixture(autouse=True)
async def _no_connection_is_left(transactional_db: None) -> AsyncIterator[None]:
    """Threads beside the event loop's have separate database connections."""
    yield
    await sync_to_async(connections.close_all)()


async def read_to_end(communicator: Link) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    events: list[dict[str, Any]] = []
    while True:
        text = await communicator.receive_from()
        assert len(text.encode()) <= 64 * 1024
        frame = json.loads(text)
        if frame["type"] == "end":
            return events, frame
        events += frame["events"]
        await communicator.send_to(json.dumps({"got": events[-1]["seq"]}))


async def feed_of(run: Run) -> feed.Feed:
    """The feed that reads this run for all watchers, once it knows where the end is."""
    while (found := feed._feeds.get(asyncio.get_running_loop(), {}).get(run.pk)) is None:
        await asyncio.sleep(0.01)
    await found.ready.wait()
    return found


@pytest.fixture
def without_bell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Poll the database as often as without a doorbell, so that silence is conclusive soon."""
    monkeypatch.setattr(sockets, "reaches_other_processes", lambda: False)
    monkeypatch.setattr(feed, "reaches_other_processes", lambda: False)


@pytest.fixture
def run(make_run: Callable[..., Run]) -> Run:
    return make_run(state="running", worker="me")


async def code_of(communicator: Link) -> int:
    """The code with which the socket is closed."""
    closed = await communicator.receive_output()
    assert closed["type"] == "websocket.close"
    return int(closed["code"])


async def test_sockets_require_a_login(run: Run) -> None:
    communicator = await socket(run.pk, None)
    assert (await communicator.connect())[0]
    assert await code_of(communicator) == 4401


async def test_missing_runs_and_runs_of_other_users_look_the_same(run: Run, bob: User) -> None:
    for pk in (run.pk, run.pk + 99):
        communicator = await socket(pk, bob)
        assert (await communicator.connect())[0]
        assert await code_of(communicator) == 4404


async def test_a_refused_client_gets_nothing(run: Run, bob: User) -> None:
    await add(run, 3)
    communicator = await socket(run.pk, bob)
    assert (await communicator.connect())[0]
    await communicator.send_to(json.dumps({"after": 0}))
    assert await code_of(communicator) == 4404
    assert await communicator.receive_nothing(0.4)


async def test_a_page_of_another_site_gets_nothing(run: Run, alice: User) -> None:
    connected, _ = await (await socket(run.pk, alice, origin="http://evil.example")).connect()
    assert not connected


async def test_a_late_watcher_gets_all_events_and_then_the_end(run: Run, alice: User) -> None:
    await add(run, 450)
    await end(run)
    communicator = await socket(run.pk, alice)
    assert (await communicator.connect())[0]
    await communicator.send_to(json.dumps({"after": 0}))
    events, last = await read_to_end(communicator)
    assert [event["seq"] for event in events] == list(range(1, 451))
    assert events[7]["data"]["lines"][0][2] == "line 8"
    assert events[7]["first_line"] == 8
    assert last == {"type": "end", "state": "succeeded", "last_seq": 450}
    await communicator.disconnect()


async def test_a_returning_watcher_gets_only_new_events(run: Run, admin: User) -> None:
    await add(run, 30)
    await end(run, "failed")
    communicator = await socket(run.pk, admin)
    assert (await communicator.connect())[0]
    await communicator.send_to(json.dumps({"after": 28}))
    events, last = await read_to_end(communicator)
    assert [event["seq"] for event in events] == [29, 30]
    assert last["state"] == "failed"
    await communicator.disconnect()


async def test_new_events_are_pushed_to_a_watcher(run: Run, alice: User) -> None:
    assert max(feed.POLL_SECONDS, feed.POLL_SECONDS_IDLE, feed.POLL_SECONDS_WITH_BELL) < 1
    communicator = await socket(run.pk, alice)
    assert (await communicator.connect())[0]
    await communicator.send_to(json.dumps({"after": 0}))
    await feed_of(run)
    assert await communicator.receive_nothing(0.4)
    await add(run, 3)
    frame = json.loads(await communicator.receive_from())
    assert [event["seq"] for event in frame["events"]] == [1, 2, 3]
    await add(run, 1)
    await end(run)
    events, _ = await read_to_end(communicator)
    assert [event["seq"] for event in events] == [4]
    await communicator.disconnect()


async def test_the_doorbell_wakes_waiting_watchers(run: Run, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "reaches_other_processes", lambda: True)
    monkeypatch.setattr(feed, "reaches_other_processes", lambda: True)
    monkeypatch.setattr(feed, "POLL_SECONDS_WITH_BELL", 3_600.0)
    communicator = await socket(run.pk, alice)
    assert (await communicator.connect())[0]
    await communicator.send_to(json.dumps({"after": 0}))
    await feed_of(run)
    assert await communicator.receive_nothing(0.2)
    await add(run, 1)
    from channels.layers import get_channel_layer

    layer = get_channel_layer()
    assert layer is not None
    await layer.group_send(f"run-{run.pk}", {"type": "run.news", "seq": 1})
    frame = json.loads(await communicator.receive_from())
    assert frame["events"][0]["seq"] == 1
    await communicator.disconnect()


@pytest.mark.parametrize("text", ["{}", "nonsense", '{"after": -1}', '{"after": "1"}', "[]", '{"after": true}'])
async def test_nonsense_ends_the_connection(run: Run, alice: User, text: str) -> None:
    communicator = await socket(run.pk, alice)
    assert (await communicator.connect())[0]
    await communicator.send_to(text)
    assert await code_of(communicator) == 4400


async def test_frames_stay_small_and_a_giant_event_comes_without_its_data(run: Run, alice: User) -> None:
    await add(run, 40, text="ü" * 5_000)
    await add(run, 1, text="x" * 100_000)
    await end(run)
    communicator = await socket(run.pk, alice)
    assert (await communicator.connect())[0]
    await communicator.send_to(json.dumps({"after": 0}))
    events, _ = await read_to_end(communicator)
    assert [event["seq"] for event in events] == list(range(1, 42))
    assert events[-1]["data"]["left_out"] > 100_000
    await communicator.disconnect()


@pytest.mark.usefixtures("without_bell")
async def test_a_client_that_confirms_nothing_gets_a_limited_amount(
    run: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "UNDER_WAY", 100_000)
    await add(run, 200, text="x" * 5_000)
    await end(run)
    communicator = await socket(run.pk, alice)
    assert (await communicator.connect())[0]
    await communicator.send_to(json.dumps({"after": 0}))
    seen = [event["seq"] for event in json.loads(await communicator.receive_from())["events"]]
    while not await communicator.receive_nothing(0.3):
        seen += [event["seq"] for event in json.loads(await communicator.receive_from())["events"]]
    assert len(seen) < 50
    await communicator.send_to(json.dumps({"got": seen[-1]}))
    events, _ = await read_to_end(communicator)
    assert seen + [event["seq"] for event in events] == list(range(1, 201))
    await communicator.disconnect()


async def test_many_watchers_cost_one_reader_and_all_get_the_same(
    run: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    real = events_after

    def counted(run_id: int, seq: int, limit: int) -> list[EventText]:
        reads.append(seq)
        return real(run_id, seq, limit)

    monkeypatch.setattr(feed, "events_after", counted)
    watchers = [await socket(run.pk, alice) for _ in range(10)]
    for watcher in watchers:
        assert (await watcher.connect())[0]
        await watcher.send_to(json.dumps({"after": 0}))
    # Events before its first read would be read by each watcher separately.
    await feed_of(run)
    await add(run, 5)
    for watcher in watchers:
        frame = json.loads(await watcher.receive_from())
        assert [event["seq"] for event in frame["events"]][:1] == [1]
    late = await socket(run.pk, alice)
    assert (await late.connect())[0]
    await late.send_to(json.dumps({"after": 2}))
    await add(run, 5)
    await end(run)
    events, _ = await read_to_end(late)
    assert [event["seq"] for event in events] == list(range(3, 11))
    assert len(reads) <= 12
    for watcher in [*watchers, late]:
        await watcher.disconnect()


@pytest.mark.usefixtures("without_bell")
async def test_a_watcher_that_falls_behind_gets_few_large_frames(
    run: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "FRAMES_UNDER_WAY", 3)
    communicator = await socket(run.pk, alice)
    assert (await communicator.connect())[0]
    await communicator.send_to(json.dumps({"after": 0}))
    reader = await feed_of(run)
    frames = []
    for seq in range(1, 31):
        await add(run, 1)
        # Each event is a separate frame only if it was read before the next one arrived.
        while reader.seq < seq:
            await asyncio.sleep(0.01)
        if seq <= 3:
            frames.append([event["seq"] for event in json.loads(await communicator.receive_from())["events"]])
    assert frames == [[1], [2], [3]]
    assert await communicator.receive_nothing(0.3)
    await communicator.send_to(json.dumps({"got": 3}))
    frame = json.loads(await communicator.receive_from())
    assert [event["seq"] for event in frame["events"]] == list(range(4, 31))
    assert [event["first_line"] for event in frame["events"]] == list(range(4, 31))
    await end(run)
    events, _ = await read_to_end(communicator)
    assert events == []
    await communicator.disconnect()
