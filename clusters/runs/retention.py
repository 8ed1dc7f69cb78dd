"""Retention: logs of runs that ended long ago are deleted; what is known of the runs themselves stays."""

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

# Seconds between two looks of a worker, and events deleted in one transaction: others want to write too.
LOOK_SECONDS = 3600.0
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Outdated:
    """One run whose log goes."""

    run: Run
    events: int
    lines: int


def outdated_runs(now: datetime | None = None) -> QuerySet[Run]:
    """Runs over for longer than logs are kept, without the newest run of each cluster and its newest success."""
    until = (now or timezone.now()) - timedelta(days=settings.SLIPWAY_KEEP_LOG_DAYS)
    runs = Run.objects.filter(cluster=OuterRef("cluster")).exclude(part=Run.Part.PREVIEW).order_by("-id").values("id")
    newest, good = runs[:1], runs.filter(state=Run.State.SUCCEEDED)[:1]
    over = Run.objects.exclude(state__in=Run.ACTIVE).filter(finished_at__lt=until)
    kept = Q(pk=Subquery(newest)) | Q(pk=Subquery(good))
    return over.exclude(kept).order_by("id")


def preview(now: datetime | None = None) -> list[Outdated]:
    """What `forget` would delete now."""
    rows = outdated_runs(now).defer("document").select_related("cluster")
    counted = rows.annotate(kept_events=Count("events"), kept_until=Max("events__first_line")).filter(kept_events__gt=0)
    return [Outdated(run, run.kept_events, run.last_line) for run in counted]


def forget(now: datetime | None = None) -> int:
    """Delete the logs that are outdated, some events at a time; gives how many events went."""
    gone = 0
    for run_id in outdated_runs(now).values_list("pk", flat=True):
        while some := list(Event.objects.filter(run_id=run_id).order_by("seq").values_list("pk", flat=True)[:AT_ONCE]):
            gone += Event.objects.filter(pk__in=some).delete()[0]
    return gone


class Keeper:
    """One worker's share: a look now and then."""

    def __init__(self) -> None:
        self._looked: float | None = None

    def take(self) -> None:
        """Forget what is outdated, at most once an hour."""
        if self._looked is not None and time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        if gone := forget():
            log.info("%s events of runs older than %g days were deleted", gone, settings.SLIPWAY_KEEP_LOG_DAYS)
