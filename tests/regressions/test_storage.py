"""20: a full disk, or an unavailable database, is reported and loses nothing silently."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from clusters.models import Run
from tests.missing import cannot_be_had
from tests.processes import manage, wait_for
from tests.regressions.addresses import content_of
from tests.web.site import session_of, site
from tests.web.wire import fetch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from django.contrib.auth.models import User

pytestmark = [pytest.mark.early, pytest.mark.processes, pytest.mark.django_db(transaction=True)]

LOCKED_SECONDS = 20
DISK_MB = 16


def lines_of(run: Run) -> list[str]:
    return [line[2] for row in run.events.filter(kind="output").order_by("seq") for line in row.data["lines"]]


def assert_gapless(run: Run) -> None:
    run.refresh_from_db()
    assert list(run.events.order_by("seq").values_list("seq", flat=True)) == list(range(1, run.last_seq + 1))
    assert len(lines_of(run)) == run.last_line


def test_20_a_database_locked_for_20_seconds_loses_nothing_and_is_logged(
    make_run: Callable[..., Run], alice: User, tmp_path: Path
) -> None:
    go_on = tmp_path / "go"
    lives = {"SLIPWAY_RUN_ON_MACHINES": "tests.runs.fakes.until_file_exists", "FAKE_GO_ON": str(go_on)}
    person = Client()
    person.force_login(alice)
    run = make_run()
    with manage("work", SLIPWAY_LEASE_SECONDS="300", **lives):
        wait_for(lambda: Run.objects.get(pk=run.pk).last_line > 0, what="the first lines")
        with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, timeout=60)) as other:
            other.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            while time.monotonic() - began < LOCKED_SECONDS:
                header = content_of(person.get(reverse("run-header", args=[run.pk])))
                assert 'data-state="running"' in header
                threading.Event().wait(0.5)
            locked = time.monotonic() - began
            other.execute("ROLLBACK")
        go_on.touch()
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, what="the end of the run")
    run.refresh_from_db()
    assert (run.state, run.takeovers) == ("succeeded", 0)
    text = lines_of(run)
    numbers = [int(line.split()[3]) for line in text if line.startswith("pid ")]
    assert numbers == list(range(len(numbers)))
    told = max(int(line.split()[4]) for line in text if line.startswith("Nothing was stored for "))
    assert locked / 2 <= told <= locked * 2
    assert_gapless(run)


@pytest.fixture
def small_disk(db: None, tmp_path: Path) -> Iterator[Path]:
    """A disk of a few megabytes with only the test's database on it."""
    if os.geteuid() != 0:
        cannot_be_had("only root can mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", place], check=True)
    usual = connection.settings_dict["NAME"]
    copy = place / "slipway.sqlite3"
    with closing(sqlite3.connect(usual)) as old, closing(sqlite3.connect(copy)) as new:
        old.backup(new)
    connection.close()
    connection.settings_dict["NAME"] = str(copy)
    try:
        yield place
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual
        subprocess.run(["umount", "--lazy", place], check=True)


def fill_up(place: Path) -> Path:
    """Write until nothing more fits."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (2**20, 2**12, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    assert os.statvfs(place).f_bavail == 0
    return ballast


def test_20_a_full_disk_is_reported_and_the_run_continues_with_free_space(
    small_disk: Path, make_run: Callable[..., Run], alice: User
) -> None:
    run, session = make_run(), session_of(alice)
    place = {"SLIPWAY_DATA_DIR": str(small_disk), "SLIPWAY_LEASE_SECONDS": "30"}
    with site(**place) as pages, manage("work", SLIPWAY_RUN_ON_MACHINES="tests.runs.fakes.steady", **place):
        header = reverse("run-header", args=[run.pk])
        wait_for(lambda: Run.objects.get(pk=run.pk).last_line > 50, what="the first lines")
        assert "no heartbeat" not in fetch(pages.port, header, session)
        ballast = fill_up(small_disk)
        wait_for(lambda: "no heartbeat" in fetch(pages.port, header, session), what="the page to show it")
        said = fetch(pages.port, header, session)
        assert 'data-state="running"' in said
        assert "has 0 MB left" in said
        seen = Run.objects.get(pk=run.pk).last_line
        threading.Event().wait(1.0)
        assert Run.objects.get(pk=run.pk).last_line == seen
        ballast.unlink()
        wait_for(lambda: Run.objects.get(pk=run.pk).last_line > seen + 100, what="more lines")
        wait_for(lambda: "no heartbeat" not in fetch(pages.port, header, session), what="the page to show it")
        Run.objects.filter(pk=run.pk).update(cancel_asked_at=run.created_at, state="cancelling")
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, what="the end of the run")
    assert_gapless(run)
    run.refresh_from_db()
    # Either the worker survived, or the run started again from the beginning; there is never a gap.
    numbers = [int(line.split()[1]) for line in lines_of(run) if line.startswith("line ")]
    for machine in range(3):
        printed = [number for number in numbers if number % 3 == machine]
        attempts = [place for place, number in enumerate(printed) if number == machine]
        assert len(attempts) == run.takeovers + 1
        for first, end in zip(attempts, [*attempts[1:], len(printed)], strict=True):
            assert printed[first:end] == list(range(machine, machine + 3 * (end - first), 3))
