"""TerminalProgress: shows a run as lines in a terminal; a sink that stores nothing."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from clusters.engine import events
from clusters.engine.events import State
from clusters.plaintext import plain_block

if TYPE_CHECKING:
    from collections.abc import Callable

MARKS = {
    State.RUNNING: "▸",
    State.SAME: "=",
    State.CHANGED: "✔",
    State.WARNING: "!",
    State.FAILED: "✘",
    State.CANCELLED: "○",
    State.SKIPPED: "-",
    State.WOULD: "+",
    State.UNFORESEEN: "?",
}
CARD_LINES = 10
CONTINUED = " " * 14
"""Indentation of continued text from others; Slipway's own lines start further to the left."""


class TerminalProgress:
    """One line for each change of a step, a card for each failure. `write` takes a line without its end."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._titles: dict[str, str] = {}
        self._width = 8
        self._lock = threading.Lock()
        self.same = self.changed = self.unforeseen = 0

    def emit(self, event: events.Event) -> None:
        """Show one event, if it is relevant here."""
        with self._lock:
            for line in self._lines(event):
                # Text from machines must not control the terminal or imitate a line of Slipway.
                self._write(plain_block(line, CONTINUED))

    def _lines(self, event: events.Event) -> list[str]:
        match event:
            case events.PlanMade(steps=steps):
                return self._plan(steps)
            case events.StepChanged():
                return self._step(event)
            case events.Failed():
                return _card(event)
            case events.WantSeen(state="would" | "unforeseen"):
                return _difference(event)
            case events.CheckFound(severity="error" | "warning"):
                waived = " (waived)" if event.waived else ""
                return [f"    {event.severity}{waived}: {event.host}: {event.message}"] + (
                    [f"      try: {event.fix}"] if event.fix else []
                )
            case events.Output(host="", stream="note"):
                return [f"{_clock(event.at)}  {event.text}"]
            case events.RunChanged():
                return [f"{_clock(event.at)}  {event.message}"]
        return []

    def _plan(self, steps: list[dict[str, object]]) -> list[str]:
        hosts: set[str] = set()
        for step in steps:
            names = step.get("hosts")
            hosts.update(map(str, names) if isinstance(names, list | tuple) else ())
            self._titles[str(step["path"])] = str(step.get("title") or step["path"])
        self._width = max(map(len, hosts), default=8)
        return [f"{len(steps)} steps on {len(hosts)} machines"]

    def _step(self, event: events.StepChanged) -> list[str]:
        state = State(event.state)
        if not state.over:
            return []
        self.same += event.same
        self.changed += event.changed
        self.unforeseen += state is State.UNFORESEEN
        title = self._titles.get(event.step, event.step)
        message = f": {event.message}" if event.message and not state.good else ""
        seconds = f"{event.seconds:6.1f} s" if event.seconds else " " * 8
        head = f"{_clock(event.at)}  {event.host:{self._width}}  {MARKS[state]} {state:9}"
        return [f"{head} {seconds}  {title}{message}"]


def _difference(event: events.WantSeen) -> list[str]:
    """What a preview found on a machine instead of a wanted state."""
    mark = MARKS[State(event.state)]
    found = f"; found: {event.found}" if event.found else ""
    return [f"    {mark} {event.host}: {event.what}{found}", *(f"        {line}" for line in event.diff.splitlines())]


def _card(event: events.Failed) -> list[str]:
    """What was expected, what was found, the last lines, and what to try."""
    place = " on ".join(part for part in (event.step, event.host) if part)
    rows = [("expected", event.expected), ("found", event.found), ("try", event.hint)]
    card = ["", f"  ✘ {place or 'The run failed'}"]
    card += [f"    {name + ':':9} {text}" for name, text in rows if text]
    if event.lines:
        card += ["    last lines:", *(f"      {line}" for line in event.lines[-CARD_LINES:])]
    return [*card, ""]


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))


def duration(seconds: float) -> str:
    """Seconds in minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
