"""What a person waiting for the lab sees: a few lines with elapsed and usual time."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

REMINDER_SECONDS = 30.0


def say(text: str) -> None:
    """Write one line for the person who waits; stderr, so that output can be piped."""
    print(f"lab: {text}", file=sys.stderr, flush=True)


def spell(seconds: float) -> str:
    """Seconds the way people say them: `4.2 s`, `6 min 10 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


@contextmanager
def step(title: str, usual_seconds: float) -> Iterator[None]:
    """Announce `title`, remind every half minute that it goes on, and say how long it took."""
    started = time.monotonic()
    over = threading.Event()

    def remind() -> None:
        while not over.wait(REMINDER_SECONDS):
            say(f"{title}: {spell(time.monotonic() - started)} of about {spell(usual_seconds)}")

    say(f"{title}: about {spell(usual_seconds)}")
    thread = threading.Thread(target=remind, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    say(f"{title}: done in {spell(time.monotonic() - started)}")
