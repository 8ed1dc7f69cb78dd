"""Failures with real processes: a run continues, or shows its true state. See also `tests/regressions`, `tests/e2e`."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from django.utils import timezone

from clusters.models import Event, Run
from tests.processes import manage, wait_for
from tests.runs.scenes import cluster_of, worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.contrib.auth.models import User
    from django.test import Client

    from tests.faraway import Faraway

pytestmark = [pytest.mark.early, pytest.mark.django_db(transaction=True), pytest.mark.processes]


CUT_SECONDS = 30.0
TOLD_SECONDS = 120.0


def lines_of(run: Run) -> list[str]:
    rows = Event.objects.filter(run=run, kind="output").order_by("seq")
    return [line[2] for row in rows for line in row.data["lines"]]


def assert_gapless(run: Run) -> None:
    run.refresh_from_db()
    assert list(run.events.order_by("seq").values_list("seq", flat=True)) == list(range(1, run.last_seq + 1))


def header(client: Client, run: Run) -> str:
    return client.get(reverse("run-header", args=[run.pk])).content.decode()


def test_a_killed_worker_is_reported_until_another_continues(
    make_run: Callable[..., Run], client: Client, alice: User
) -> None:
    client.force_login(alice)
    run = make_run()
    with manage("work", SLIPWAY_RUN_ON_MACHINES="tests.runs.fakes.endless", SLIPWAY_LEASE_SECONDS="300") as worker:
        wait_for(lambda: Run.objects.get(pk=run.pk).last_line > 0, what="the first lines")
        worker.kill()
        worker.wait()
    assert "no heartbeat" not in header(client, run)
    # As if the five minutes of the lease had passed.
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=60))
    assert "no heartbeat" in header(client, run)
    with manage("work", SLIPWAY_RUN_ON_MACHINES="tests.runs.fakes.quick"):
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, what="the end of the run")
    assert "no heartbeat" not in header(client, run)
    assert_gapless(run)


def test_a_full_disk_of_the_pages_is_reported_at_once(
    make_run: Callable[..., Run], client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clusters.web import disk

    client.force_login(alice)
    run = make_run(state="running")
    assert "MB left" not in header(client, run)
    monkeypatch.setattr(disk, "LOW_BYTES", 10**18)
    assert "MB left" in header(client, run)


def test_a_clock_change_is_reported_and_stops_nothing(make_run: Callable[..., Run]) -> None:
    run = make_run()
    fake = "tests.runs.fakes.time_traveller"
    with manage("work", SLIPWAY_RUN_ON_MACHINES=fake, SLIPWAY_LEASE_SECONDS="300"):
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, 200, "the end of the run")
    run.refresh_from_db()
    text = " ".join(lines_of(run))
    assert (run.state, run.takeovers) == ("succeeded", 0)
    assert "set forward by 3600 s" in text
    assert "set back by 7200 s" in text
    assert_gapless(run)


@pytest.mark.sshd
@pytest.mark.parametrize("back", [True, False], ids=["for 30 s", "for good"])
def test_a_disconnected_machine_continues_or_ends_with_the_reason(
    faraway: Faraway, client: Client, alice: User, tmp_path: Path, back: bool
) -> None:
    client.force_login(alice)
    cluster = cluster_of(alice, faraway.sshd, "node1", address=faraway.address)
    run = Run.objects.create(cluster=cluster, document=cluster.document, asked_by=alice)
    with worker("ticking", tmp_path, SCENE_SECONDS="15"):
        wait_for(lambda: "tick 20" in lines_of(run), what="the machine at work")
        faraway.cut()
        cut_at = time.monotonic()
        if back:
            wait_for(lambda: "connection to node1 is lost" in " ".join(lines_of(run)), what="the word of it")
            wait_for(lambda: time.monotonic() - cut_at > CUT_SECONDS, CUT_SECONDS, "half a minute")
            faraway.mend()
            wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, 120, "the end of the run")
        else:
            wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, TOLD_SECONDS + 10, "the end of the run")
            assert time.monotonic() - cut_at < TOLD_SECONDS
    run.refresh_from_db()
    text = " ".join(lines_of(run))
    assert "connection to node1 is lost" in text
    assert "Trying again (2 of 3)" in text
    assert_gapless(run)
    if back:
        assert (run.state, run.failures) == ("succeeded", [])
        return
    assert run.state == "failed"
    assert faraway.address in run.failures[0]["found"]
    assert "node1" in header(client, run)
    assert run.failures[0]["retryable"]
