"""Retention: deletes the logs of runs that ended long ago; the runs themselves stay."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from clusters.models import Event, Run

if TYPE_CHECKING:
    from datetime import datetime

log = logging.getLogger(__name__)

# Seconds between two checks of a worker, and events deleted in one transaction: others need to write, too.
LOOK_SECONDS = 3600.0
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Outdated:
    """One run whose log will be deleted."""

    run: Run
    events: int
    lines: int


def outdated_runs(now: datetime | None = None) -> QuerySet[Run]:
    """Runs that ended before the retention period, except the newest run of each cluster and its newest success."""
    until = (now or timezone.now()) - timedelta(days=settings.SLIPWAY_KEEP_LOG_DAYS)
    runs = Run.objects.filter(cluster=OuterRef("cluster")).exclude(part=Run.Part.PREVIEW).order_by("-id").values("id")
    newest, good = runs[:1], runs.filter(state=Run.State.SUCCEEDED)[:1]
    over = Run.objects.exclude(state__in=Run.ACTIVE).filter(finished_at__lt=until)
    always_stored = Q(pk=Subquery(newest)) | Q(pk=Subquery(good))
    return over.exclude(always_stored).order_by("id")


def preview(now: datetime | None = None) -> list[Outdated]:
    """What `forget` would delete now."""
    rows = outdated_runs(now).defer("document").select_related("cluster")
    counted = rows.annotate(event_count=Count("events"), stored_until=Max("events__first_line"))
    return [Outdated(run, run.event_count, run.last_line) for run in counted.filter(event_count__gt=0)]


def forget(now: datetime | None = None) -> int:
    """Delete outdated logs, some events at a time; returns how many events were deleted."""
    deleted = 0
    for run_id in outdated_runs(now).values_list("pk", flat=True):
        while some := list(Event.objects.filter(run_id=run_id).order_by("seq").values_list("pk", flat=True)[:AT_ONCE]):
            deleted += Event.objects.filter(pk__in=some).delete()[0]
    return deleted


class Retention:
    """The regular check of one worker."""

    def __init__(self) -> None:
        self._checked_at: float | None = None

    def take(self) -> None:
        """Delete what is outdated, at most once an hour."""
        if self._checked_at is not None and time.monotonic() - self._checked_at < LOOK_SECONDS:
            return
        self._checked_at = time.monotonic()
        if deleted := forget():
            log.info("%s events of runs older than %g days were deleted", deleted, settings.SLIPWAY_KEEP_LOG_DAYS)
