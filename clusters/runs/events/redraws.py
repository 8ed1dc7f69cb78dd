"""Animations: what programs draw over and over again becomes one line, not thousands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clusters.engine.events import Output
from clusters.plaintext import plain_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.events import Event

# Cursor up or to a column, erase the line or what follows: what only somebody says who draws again.
REDRAW = re.compile(r"\x1b\[\d*+(?:[AFGJK]|;?\d*+H)|\x1b[78M]|\x08")
DECORATION = re.compile(r"[^\w]+")


class Animations:
    """Passes events on; of a picture that is drawn again only the first and, if it says something else, the last.

    Not safe for several threads at once.
    """

    def __init__(self) -> None:
        self._shown: dict[tuple[str, str], str] = {}
        self._held: dict[tuple[str, str], Output] = {}

    def pass_on(self, event: Event) -> Iterator[Event]:
        """The events to store now in place of this one."""
        if isinstance(event, Output) and isinstance(event.text, str) and REDRAW.search(event.text):
            key = (event.host, event.step)
            if key in self._shown:
                self._held[key] = event
                return
            self._shown[key] = _words(event.text)
        elif self._shown:
            yield from self._end(event)
        yield event

    def rest(self) -> Iterator[Event]:
        """What is still held, at the end of everything."""
        for key in list(self._shown):
            yield from self._close(key)

    def _end(self, event: Event) -> Iterator[Event]:
        """Whatever else is said of that machine and step ends what was drawn there."""
        for key in list(self._shown):
            if key == (event.host, event.step) or not event.host:
                yield from self._close(key)

    def _close(self, key: tuple[str, str]) -> Iterator[Event]:
        shown, held = self._shown.pop(key), self._held.pop(key, None)
        if held is not None and _words(held.text) != shown:
            yield held


def last_state(text: str) -> str:
    """What a terminal shows of a line in which carriage returns wrote over what was there, without redrawing codes."""
    if "\r" in text:
        text = text.rstrip("\r").rpartition("\r")[2]
    return REDRAW.sub("", text) if "\x1b" in text or "\x08" in text else text


def _words(text: str) -> str:
    """Letters and digits only: a moving arrow says nothing new."""
    return DECORATION.sub("", plain_text(text))
