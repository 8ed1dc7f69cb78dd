"""Bad days with real processes: whoever watches ends with the same complete text, and a run says what is so."""

from __future__ import annotations

import resource
import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.db import connection
from django.urls import reverse

from clusters.models import Event, Run
from tests.processes import manage, wait_for
from tests.web.site import session_of, site
from tests.web.wire import Watcher, press

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from django.test import Client

    from clusters.models import Cluster

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]


def lines_of(run: Run) -> list[str]:
    rows = Event.objects.filter(run=run, kind="output").order_by("seq")
    return [line[2] for row in rows for line in row.data["lines"]]


def assert_gapless(run: Run) -> None:
    run.refresh_from_db()
    assert list(run.events.order_by("seq").values_list("seq", flat=True)) == list(range(1, run.last_seq + 1))


def test_everybody_ends_with_the_same_text_whatever_happens_to_connections(
    make_run: Callable[..., Run], alice: User
) -> None:
    run, session = make_run(), session_of(alice)
    with site() as pages, manage("work", SLIPWAY_CARRY_OUT="tests.runs.fakes.chatty", SLIPWAY_LEASE_SECONDS="30"):
        breath = threading.Event()
        fast = Watcher(pages.port, run.pk, session)
        cut = Watcher(pages.port, run.pk, session, after_frame=lambda count: count >= 3)
        slow = Watcher(pages.port, run.pk, session, after_frame=lambda count: breath.wait(0.15) and False)
        watchers = [fast, cut, slow]
        for watcher in watchers:
            watcher.pause = lambda: breath.wait(0.05)
        threads = [threading.Thread(target=watcher.follow, daemon=True) for watcher in watchers]
        for thread in threads:
            thread.start()
        wait_for(lambda: Run.objects.get(pk=run.pk).last_line > 800, 40, "the first lines")
        pages.stop()
        late = Watcher(pages.port, run.pk, session, pause=lambda: breath.wait(0.05))
        threads.append(threading.Thread(target=late.follow, daemon=True))
        threads[-1].start()
        wait_for(lambda: Run.objects.get(pk=run.pk).last_line > 1_300, 40, "more lines without pages")
        pages.start()
        for thread in threads:
            thread.join(60)
    text = lines_of(run)
    assert len([line for line in text if line.startswith("line ")]) == 3_000
    for watcher in (*watchers, late):
        assert watcher.state == "succeeded"
        assert watcher.lines == text
    assert fast.connections >= 2
    assert cut.connections > 5
    assert_gapless(run)


def header(client: Client, run: Run) -> str:
    return client.get(reverse("run-header", args=[run.pk])).content.decode()


@pytest.mark.timeout(90)
def test_a_killed_worker_is_told_of_until_another_goes_on(
    make_run: Callable[..., Run], client: Client, alice: User
) -> None:
    client.force_login(alice)
    run = make_run()
    with manage("work") as worker:
        wait_for(lambda: Run.objects.get(pk=run.pk).last_line > 0, what="the first lines")
        worker.kill()
        worker.wait()
    assert "no sign of life" not in header(client, run)
    wait_for(lambda: "no sign of life" in header(client, run), 60, "the page says so")
    with manage("work", SLIPWAY_CARRY_OUT="tests.runs.fakes.quick"):
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, what="the end of the run")
    assert "no sign of life" not in header(client, run)
    assert_gapless(run)


with_a_file = pytest.mark.skipif(
    settings.DATABASES["default"]["ENGINE"] != "django.db.backends.sqlite3", reason="a database that is a file"
)


@with_a_file
@pytest.mark.timeout(90)
def test_a_locked_database_loses_nothing_and_the_log_says_how_long(
    make_run: Callable[..., Run], client: Client, alice: User
) -> None:
    client.force_login(alice)
    run = make_run()
    with manage("work", SLIPWAY_LEASE_SECONDS="30"):
        wait_for(lambda: Run.objects.get(pk=run.pk).last_line > 0, what="the first lines")
        with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            until = time.monotonic() + 6
            while time.monotonic() < until:
                assert 'data-state="running"' in header(client, run)
            other.execute("ROLLBACK")
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, 40, "the end of the run")
    run.refresh_from_db()
    assert (run.state, run.takeovers) == ("succeeded", 0)
    text = lines_of(run)
    assert len([line for line in text if line.startswith("pid ")]) == 90
    assert [line for line in text if "took nothing for" in line]
    assert_gapless(run)


@with_a_file
@pytest.mark.timeout(90)
def test_a_full_disk_is_told_of_and_the_run_goes_on_when_there_is_room(
    make_run: Callable[..., Run], client: Client, alice: User
) -> None:
    client.force_login(alice)
    run = make_run()
    with manage("work") as worker:
        wait_for(lambda: Run.objects.get(pk=run.pk).last_line > 0, what="the first lines")
        # From here on every write of the worker fails as on a disk without room.
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        wait_for(lambda: "no sign of life" in header(client, run), 60, "the page says so")
        assert Run.objects.get(pk=run.pk).state == "running"
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, 60, "the end of the run")
    run.refresh_from_db()
    assert run.state == "succeeded"
    assert run.takeovers >= 1
    assert_gapless(run)


def test_a_full_disk_of_the_pages_is_told_of_at_once(
    make_run: Callable[..., Run], client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clusters.web import disk

    client.force_login(alice)
    run = make_run(state="running")
    assert "MB left" not in header(client, run)
    monkeypatch.setattr(disk, "LOW_BYTES", 10**18)
    assert "MB left" in header(client, run)


@pytest.mark.timeout(90)
def test_a_clock_that_is_set_is_told_of_and_stops_nothing(make_run: Callable[..., Run]) -> None:
    run = make_run()
    fake = "tests.runs.fakes.time_traveller"
    with manage("work", SLIPWAY_CARRY_OUT=fake, SLIPWAY_LEASE_SECONDS="30"):
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, 40, "the end of the run")
    run.refresh_from_db()
    text = " ".join(lines_of(run))
    assert (run.state, run.takeovers) == ("succeeded", 0)
    assert "set forward by 3600 s" in text
    assert "set back by 7200 s" in text
    assert_gapless(run)


def test_two_people_who_press_install_at_once_get_one_run(cluster: Cluster, alice: User, admin: User) -> None:
    sessions = [session_of(alice), session_of(admin)] * 3
    answers: list[int] = []
    with site() as pages:
        path = reverse("cluster-install", args=[cluster.pk])
        start = threading.Barrier(len(sessions))

        def one(session: str) -> None:
            start.wait()
            answers.append(press(pages.port, path, session))

        threads = [threading.Thread(target=one, args=(session,)) for session in sessions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert answers == [302] * 6
    assert Run.objects.count() == 1
