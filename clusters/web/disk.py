"""disk_left(): whether the disk with Slipway's data is nearly full, so that pages can warn about it."""

from __future__ import annotations

import shutil

from django.conf import settings

# Below this, storing is no longer certain: the log of a large run has some hundred megabytes.
LOW_BYTES = 100 * 1024 * 1024


def disk_left() -> int | None:
    """The free megabytes on the disk with the data when they are few; None while there is enough space."""
    try:
        left = shutil.disk_usage(settings.SLIPWAY_DATA_DIR).free
    except OSError:
        return None
    return left // (1024 * 1024) if left < LOW_BYTES else None
