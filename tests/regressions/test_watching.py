"""11, 12: every watcher ends with the same complete text, whatever its connection."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from clusters.models import Event, Run
from tests.processes import manage, wait_for
from tests.web.site import session_of, site
from tests.web.wire import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.auth.models import User

pytestmark = [pytest.mark.early, pytest.mark.processes, pytest.mark.django_db(transaction=True)]

FAR = 3_000
"""Lines by which the slow browser is behind the fast one before it goes on."""
LEASE = {"SLIPWAY_LEASE_SECONDS": "30"}


def texts_of(run: Run) -> list[str]:
    rows = Event.objects.filter(run=run, kind="output").order_by("seq")
    return [line[2] for row in rows for line in row.data["lines"]]


def last_line(run: Run) -> int:
    return Run.objects.get(pk=run.pk).last_line


@contextmanager
def following(*watchers: Watcher) -> Iterator[Callable[..., None]]:
    """Each in a separate thread; yields a function that adds more. They have two minutes after the block."""
    threads: list[threading.Thread] = []

    def join(*more: Watcher) -> None:
        for watcher in more:
            threads.append(threading.Thread(target=watcher.follow, daemon=True))
            threads[-1].start()

    join(*watchers)
    yield join
    for thread in threads:
        thread.join(120)


def test_11_a_burst_reaches_a_slow_and_a_fast_browser_alike(make_run: Callable[..., Run], alice: User) -> None:
    run, session, breath = make_run(), session_of(alice), threading.Event()
    with site() as pages:
        fast, behind = Watcher(pages.port, run.pk, session), []

        def dawdle(count: int) -> bool:
            if count == 1:
                wait_for(lambda: fast.state or len(fast.lines) > len(slow.lines) + FAR, what="the fast one to be ahead")
                behind.append(len(fast.lines) - len(slow.lines))
            return breath.wait(0.05) and False

        slow = Watcher(pages.port, run.pk, session, after_frame=dawdle)
        with following(fast, slow), manage("work", SLIPWAY_RUN_ON_MACHINES="tests.runs.fakes.burst", **LEASE):
            wait_for(lambda: fast.state, what="the end for the fast one")
            wait_for(lambda: slow.state, what="the end for the slow one")
    text = texts_of(run)
    assert len([line for line in text if line.startswith("line ")]) == 30_000
    assert behind[0] > FAR
    for watcher in (fast, slow):
        assert watcher.state == "succeeded"
        assert watcher.lines == text
        assert watcher.connections == 1


def test_12_a_socket_cut_every_three_seconds_loses_nothing(make_run: Callable[..., Run], alice: User) -> None:
    """For a minute, with a slow and a fast browser, one that joins late, and pages that are killed meanwhile."""
    run, session, breath = make_run(), session_of(alice), threading.Event()

    def pause() -> object:
        return breath.wait(0.05)

    def every_three_seconds() -> Callable[[int], bool]:
        since = [0.0]

        def cut(count: int) -> bool:
            since[0] = time.monotonic() if count == 1 else since[0]
            return time.monotonic() - since[0] > 3

        return cut

    with site() as pages:

        def watcher(after_frame: Callable[[int], bool] = lambda count: False) -> Watcher:
            return Watcher(pages.port, run.pk, session, after_frame, pause)

        fast, slow, cut = watcher(), watcher(lambda count: breath.wait(0.3) and False), watcher(every_three_seconds())
        late = watcher(every_three_seconds())
        began = time.monotonic()
        with (
            following(fast, slow, cut) as join,
            manage("work", SLIPWAY_RUN_ON_MACHINES="tests.runs.fakes.steady", **LEASE),
        ):
            wait_for(lambda: last_line(run) > 3_000, what="half of the lines")
            pages.stop()
            before = last_line(run)
            wait_for(lambda: last_line(run) > before + 200, what="more lines without pages")
            join(late)
            pages.start()
            wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, what="the end of the run")
    assert time.monotonic() - began > 60
    text = texts_of(run)
    assert len([line for line in text if line.startswith("line ")]) == 6_600
    for watched in (fast, slow, cut, late):
        assert watched.state == "succeeded"
        assert watched.lines == text
    assert fast.connections >= 2
    assert cut.connections >= 5
    assert late.connections >= 3
