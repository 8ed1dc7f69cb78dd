"""Scans of networks: claimed by a worker, told as they go on, and ended as soon as somebody says so."""

from __future__ import annotations

import logging
import threading
import traceback
import uuid
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connections
from django.db.models import Q
from django.utils import timezone

from clusters.errors import InstallerError
from clusters.models import Scan
from clusters.remote.scan import addresses_of, scan

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from clusters.remote.scan import Answer

log = logging.getLogger(__name__)


class Scanning:
    """The scans of one worker, one at a time: a scan is meant to be slow."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def take(self) -> None:
        """Claim a scan that waits, or that a dead worker left, when none is under way here."""
        if self._thread is not None and self._thread.is_alive():
            return
        lost = Q(state="running", lease_until__lt=timezone.now())
        for pk in Scan.objects.filter(Q(state="waiting") | lost).order_by("asked_at").values_list("pk", flat=True)[:1]:
            token = f"{self._worker}/{uuid.uuid4().hex[:8]}"
            mine = Scan.objects.filter(pk=pk).filter(Q(state="waiting") | lost)
            if mine.update(state="running", worker=token, lease_until=_until(), looked=0, found=[], message=""):
                self._thread = threading.Thread(target=self._work, args=(pk, token), name=f"scan {pk}", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Give back what is under way; another worker begins it anew."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)

    def _work(self, pk: int, token: str) -> None:
        try:
            scan_row(pk, token, self._stop)
        finally:
            connections.close_all()


def scan_row(pk: int, token: str, stop: threading.Event | None = None) -> None:
    """Carry out a scan that was claimed with this token."""
    mine = Scan.objects.filter(pk=pk, worker=token, state="running")
    row = mine.first()
    if row is None:
        return

    def tell(looked: int, found: tuple[Answer, ...]) -> bool:
        if stop is not None and stop.is_set():
            mine.update(state="waiting", worker="", lease_until=None)
            return False
        return bool(mine.update(looked=looked, found=[asdict(each) for each in found], lease_until=_until()))

    try:
        addresses = addresses_of(row.network)
        mine.update(total=len(addresses))
        scan(addresses, row.port, tell=tell)
    except InstallerError as error:
        _end(mine, "failed", error.message)
    except Exception as error:  # noqa: BLE001 - the border of a scan; the person has to see that it broke
        log.error("Scan %s broke\n%s", pk, traceback.format_exc())
        _end(mine, "failed", f"Slipway itself failed: {error}")
    else:
        _end(mine, "done")


def _end(mine: QuerySet[Scan], state: str, message: str = "") -> None:
    """One that was cancelled or given back meanwhile is nobody's to end."""
    mine.update(state=state, message=message, finished_at=timezone.now(), lease_until=None)


def _until() -> object:
    return timezone.now() + timedelta(seconds=settings.SLIPWAY_LEASE_SECONDS)
