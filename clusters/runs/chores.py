"""Chores: small work that the wizard asks for, one row at a time; claimed by a worker, given back when it stops."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connections
from django.db.models import Q
from django.utils import timezone

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import Model


class Chores:
    """One kind of chore of one worker: rows of `model` with state, worker and lease_until, one after the other."""

    def __init__(
        self, worker: str, model: type[Model], work: Callable[[int, str, threading.Event], None], **reset: Any
    ) -> None:
        self._worker = worker
        self._rows = model._default_manager
        self._work = work
        self._reset = reset
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def take(self) -> None:
        """Claim a row that waits, or that a dead worker left, when none is under way here."""
        if self._thread is not None and self._thread.is_alive():
            return
        free = Q(state="waiting") | Q(state="running", lease_until__lt=timezone.now())
        for pk in self._rows.filter(free).order_by("asked_at").values_list("pk", flat=True)[:1]:
            token = f"{self._worker}/{uuid.uuid4().hex[:8]}"
            fields = {"state": "running", "worker": token, "lease_until": lease_end(), **self._reset}
            if self._rows.filter(free, pk=pk).update(**fields):
                self._thread = threading.Thread(target=self._carry_out, args=(pk, token), daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Give back what is under way; another worker begins it anew."""
        self._stop.set()
        self.wait(5)

    def wait(self, seconds: float) -> None:
        """Until what is under way has ended, at most this long."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _carry_out(self, pk: int, token: str) -> None:
        try:
            self._work(pk, token, self._stop)
        finally:
            connections.close_all()


def lease_end() -> Any:
    """Until when a claim that is made or renewed now holds."""
    return timezone.now() + timedelta(seconds=settings.SLIPWAY_LEASE_SECONDS)
