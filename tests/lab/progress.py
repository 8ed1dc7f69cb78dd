"""The progress of the lab for people: a few lines with elapsed and usual time."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

REMINDER_SECONDS = 30.0


def say(text: str) -> None:
    """Write one line of progress to stderr, so that output can be piped."""
    print(f"lab: {text}", file=sys.stderr, flush=True)


def spell(seconds: float) -> str:
    """Seconds for people: `4.2 s`, `6 min 10 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


@contextmanager
def whole(title: str, usual_seconds: float) -> Iterator[None]:
    """Announce several steps that belong together, and report the overall progress after each."""
    global _whole
    say(f"{title}: about {spell(usual_seconds)} in all")
    started = time.monotonic()
    _whole = _Whole(started, usual_seconds)
    try:
        yield
    finally:
        _whole = None
    say(f"{title}: all done in {spell(time.monotonic() - started)}")


@dataclass
class _Whole:
    """Steps that belong together: when they started, and how long they usually take."""

    started: float
    usual: float
    done: float = 0.0

    def text(self) -> str:
        """`38 % of the whole, 4 min 10 s`."""
        share = min(99, round(100 * self.done / self.usual)) if self.usual else 99
        return f"{share} % of the whole, {spell(time.monotonic() - self.started)}"


_whole: _Whole | None = None


@contextmanager
def step(title: str, usual_seconds: float) -> Iterator[None]:
    """Announce `title`, report every half minute that it still runs, and at the end how long it took."""
    started = time.monotonic()
    over = threading.Event()

    def remind() -> None:
        while not over.wait(REMINDER_SECONDS):
            passed = time.monotonic() - started
            behind = f"; {_whole.text()}" if _whole else ""
            say(f"{title}: {spell(passed)} of about {spell(usual_seconds)}{behind}")

    say(f"{title}: about {spell(usual_seconds)}")
    thread = threading.Thread(target=remind, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if _whole:
        _whole.done += usual_seconds
    behind = f"; {_whole.text()}" if _whole else ""
    say(f"{title}: done in {spell(time.monotonic() - started)}{behind}")
