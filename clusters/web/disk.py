"""disk_left(): whether the disk with Slipway's data is about to be full, so that pages can say so."""

from __future__ import annotations

import shutil

from django.conf import settings

# Below this nothing is promised: a log of a large run has some hundred megabytes.
LOW_BYTES = 100 * 1024 * 1024


def disk_left() -> int | None:
    """The megabytes that are left where the data lies, when they are few; None while there is room."""
    try:
        left = shutil.disk_usage(settings.SLIPWAY_DATA_DIR).free
    except OSError:
        return None
    return left // (1024 * 1024) if left < LOW_BYTES else None
