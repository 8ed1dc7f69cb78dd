"""claim(): the one conditional update by which a process claims a row, so that no two processes have it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from clusters.models.leased import LeasedRow


def claim(rows: QuerySet[LeasedRow], pk: int, *, seconds: float | None = None, **fields: Any) -> bool:
    """Claim the row with this key; false when it is no longer among `rows`, because another process was faster.

    `rows` are those that may be claimed, and `fields` is what the claim sets besides the lease (see `lease_end`).
    """
    return bool(rows.filter(pk=pk).order_by().update(lease_until=lease_end(seconds), **fields))


def lease_end(seconds: float | None = None) -> datetime:
    """When a lease that is made or renewed now expires; SLIPWAY_LEASE_SECONDS from now unless `seconds` are given."""
    return timezone.now() + timedelta(seconds=settings.SLIPWAY_LEASE_SECONDS if seconds is None else seconds)
