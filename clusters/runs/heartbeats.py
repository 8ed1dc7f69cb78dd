"""Heartbeats: a worker regularly records that it is running."""

from __future__ import annotations

import time
from datetime import timedelta

from django.utils import timezone

from clusters.models import WorkerSign

EVERY_SECONDS = 15.0
FORGOTTEN_AFTER = timedelta(days=7)
"""Older heartbeats are deleted when a worker starts."""


class Heartbeats:
    """The heartbeats of one worker."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._last_at: float | None = None

    def take(self) -> None:
        """Write one if it is due."""
        if self._last_at is not None and time.monotonic() - self._last_at < EVERY_SECONDS:
            return
        now = timezone.now()
        if self._last_at is None:
            WorkerSign.objects.filter(seen_at__lt=now - FORGOTTEN_AFTER).delete()
        WorkerSign.objects.update_or_create(name=self._worker, defaults={"seen_at": now})
        self._last_at = time.monotonic()
