"""worker_seen(): when a worker was last seen, which is all that pages know about workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils import timezone

from clusters.models import WorkerSign
from clusters.runs.heartbeats import EVERY_SECONDS

if TYPE_CHECKING:
    from datetime import datetime

RECENT_SECONDS = 4 * EVERY_SECONDS
"""A worker that was not seen for longer than this has missed some heartbeats."""


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """The worker that was seen last: at what time, and how many seconds ago; both None if there never was one."""

    at: datetime | None = None
    seconds: float | None = None

    @property
    def is_recent(self) -> bool:
        """Whether it has not missed a heartbeat, as far as clocks agree."""
        return self.seconds is not None and self.seconds <= RECENT_SECONDS


def worker_seen() -> WorkerSeen:
    """The last heartbeat of any worker."""
    at = WorkerSign.objects.order_by("-seen_at").values_list("seen_at", flat=True).first()
    return WorkerSeen(at, max(0.0, (timezone.now() - at).total_seconds())) if at is not None else WorkerSeen()
