"""Old logs are deleted; the runs stay, and so do the logs that people may still need."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command
from django.utils import timezone

from clusters.models import Event, Run
from clusters.runs.retention import Retention, forget, preview

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def runs(make_run: Callable[..., Run], settings: Settings) -> list[Run]:
    """Of one cluster, oldest first: failed, succeeded, failed, failed last week, failed now."""
    settings.SLIPWAY_KEEP_LOG_DAYS = 30
    made = []
    for state, days in (("failed", 90), ("succeeded", 80), ("failed", 70), ("failed", 7), ("failed", 0)):
        run = make_run(state=state, finished_at=timezone.now() - timedelta(days=days), last_seq=3, last_line=2)
        for seq in (1, 2, 3):
            Event.objects.create(run=run, seq=seq, at=timezone.now(), kind="output", data={"lines": []})
        made.append(run)
    return made


def with_log(runs: list[Run]) -> list[bool]:
    return [run.events.exists() for run in runs]


def test_a_preview_lists_logs_and_deletes_nothing(runs: list[Run]) -> None:
    rows = preview()
    assert [(row.run.pk, row.events, row.lines) for row in rows] == [(runs[0].pk, 3, 2), (runs[2].pk, 3, 2)]
    out = StringIO()
    call_command("retention", stdout=out)
    assert f"run {runs[0].pk} of sample, failed" in out.getvalue()
    assert "2 runs with 4 lines are older" in out.getvalue()
    assert with_log(runs) == [True] * 5


def test_old_logs_are_deleted_except_of_the_newest_run_and_success(runs: list[Run]) -> None:
    assert forget() == 6
    assert with_log(runs) == [False, True, False, True, True]
    assert Run.objects.count() == 5
    assert preview() == []


def test_the_command_deletes_with_apply(runs: list[Run]) -> None:
    call_command("retention", "--apply", stdout=StringIO())
    assert with_log(runs) == [False, True, False, True, True]


def test_a_worker_deletes_old_logs_once_an_hour(runs: list[Run], settings: Settings) -> None:
    keeper = Retention()
    keeper.take()
    assert with_log(runs)[0] is False
    Event.objects.create(run=runs[0], seq=9, at=timezone.now(), kind="output")
    keeper.take()
    assert with_log(runs)[0] is True


def test_a_running_run_keeps_its_log(make_run: Callable[..., Run], settings: Settings) -> None:
    settings.SLIPWAY_KEEP_LOG_DAYS = 1
    run = make_run(state="running", started_at=timezone.now() - timedelta(days=50))
    Event.objects.create(run=run, seq=1, at=timezone.now(), kind="run")
    assert forget() == 0
