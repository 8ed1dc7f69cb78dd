"""The garbage collector stops everybody while it looks: never at what was loaded once, and not while a tree is read."""

from __future__ import annotations

import gc
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_SECONDS = 5.0
"""So long at most the collector rests when somebody reads all the time."""

_lock = threading.Lock()
_readers = 0
_resting_since = 0.0


def settle() -> None:
    """Call it when everything is loaded: the collector leaves alone what is there now.

    A full collection looks at every object, some hundred thousand after all imports, for a tenth of a second in
    which nobody gets a line of a log.
    """
    gc.collect()
    gc.freeze()


@contextmanager
def without_collection() -> Iterator[None]:
    """Read something large in this block: the collector would look at all of it again and again while it grows.

    A tree of a hundred thousand values holds up every thread for a fifth of a second each time. Trees are freed without
    the collector. It is the same one for all threads, so that it rests for all; what it missed it finds later.
    """
    global _readers, _resting_since
    with _lock:
        if _readers == 0:
            _resting_since = time.monotonic()
            gc.disable()
        _readers += 1
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if _readers == 0 or time.monotonic() - _resting_since > MOST_SECONDS:
                gc.enable()
