"""Excludes start-up objects from garbage collection, and pauses the collector while a large tree is read."""

from __future__ import annotations

import gc
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_SECONDS = 5.0
"""The maximum time for which continuous reading pauses the collector."""

_lock = threading.Lock()
_readers = 0
_paused_since = 0.0


def settle() -> None:
    """Exclude all current objects from garbage collection; call this after start-up.

    A full collection visits every object, several hundred thousand after all imports, and blocks all log output for a
    tenth of a second.
    """
    gc.collect()
    gc.freeze()


@contextmanager
def without_collection() -> Iterator[None]:
    """Pause the collector while a large tree is built, because it would visit the growing tree repeatedly.

    For a tree of a hundred thousand values, each visit blocks every thread for a fifth of a second. Trees are freed
    without the collector. All threads share one collector, so it pauses for all; later runs find what it missed.
    """
    global _readers, _paused_since
    with _lock:
        if _readers == 0:
            _paused_since = time.monotonic()
            gc.disable()
        _readers += 1
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if _readers == 0 or time.monotonic() - _paused_since > MOST_SECONDS:
                gc.enable()
