"""Signs: a worker writes now and then that it is there."""

from __future__ import annotations

import time
from datetime import timedelta

from django.utils import timezone

from clusters.models import WorkerSign

EVERY_SECONDS = 15.0
FORGOTTEN_AFTER = timedelta(days=7)
"""Older signs are deleted when a worker starts."""


class Signs:
    """One worker's share."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._written: float | None = None

    def take(self) -> None:
        """Write one when it is time to."""
        if self._written is not None and time.monotonic() - self._written < EVERY_SECONDS:
            return
        now = timezone.now()
        if self._written is None:
            WorkerSign.objects.filter(seen_at__lt=now - FORGOTTEN_AFTER).delete()
        WorkerSign.objects.update_or_create(name=self._worker, defaults={"seen_at": now})
        self._written = time.monotonic()
