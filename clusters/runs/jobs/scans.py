"""Scans: executes scans of networks, stores results as they arrive, and stops when somebody cancels."""

from __future__ import annotations

import logging
import traceback
from dataclasses import asdict
from typing import TYPE_CHECKING

from django.utils import timezone

from clusters.errors import InstallerError
from clusters.models import Scan
from clusters.remote.scan import addresses_of, scan
from clusters.runs.access.targets import allowed_networks
from clusters.runs.claims.authority import refuse_without_authority
from clusters.runs.claims.claim import lease_end

if TYPE_CHECKING:
    import threading

    from django.db.models import QuerySet

    from clusters.remote.scan import Answer

log = logging.getLogger(__name__)


def scan_row(pk: int, token: str, stop: threading.Event | None = None) -> None:
    """Execute a scan that was claimed with this token."""
    mine = Scan.objects.filter(pk=pk, worker=token, state="running")
    row = mine.select_related("cluster").first()
    if row is None:
        return

    def report(tried: int, found: tuple[Answer, ...]) -> bool:
        if stop is not None and stop.is_set():
            mine.update(state="waiting", worker="", lease_until=None)
            return False
        return bool(mine.update(looked=tried, found=[asdict(each) for each in found], lease_until=lease_end()))

    try:
        refuse_without_authority(row.asked_by_id, row.cluster, "scan")
        addresses = addresses_of(row.network, allowed_networks())
        mine.update(total=len(addresses))
        scan(addresses, row.port, report=report)
    except InstallerError as error:
        _end(mine, "failed", error.message)
    except Exception as error:  # noqa: BLE001 - the border of a scan; the person must see that it failed
        log.error("Scan %s failed\n%s", pk, traceback.format_exc())
        _end(mine, "failed", f"Slipway itself failed: {error}")
    else:
        _end(mine, "done")


def _end(mine: QuerySet[Scan], state: str, message: str = "") -> None:
    """Store the end, unless the scan was cancelled or released meanwhile."""
    mine.update(state=state, message=message, finished_at=timezone.now(), lease_until=None)
