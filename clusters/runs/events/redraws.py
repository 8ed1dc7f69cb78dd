"""Redraws: output that programs draw repeatedly in place becomes one line, not thousands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clusters.engine.events import Output
from clusters.plaintext import plain_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.engine.events import Event

# Cursor up or to a column, erase the line or the rest: codes used only for drawing again.
REDRAW = re.compile(r"\x1b\[\d*+(?:[AFGJK]|;?\d*+H)|\x1b[78M]|\x08")
DECORATION = re.compile(r"[^\w]+")


class Redraws:
    """Passes events on; of output that is drawn again only the first and, if its words differ, the last.

    Not safe for several threads at once.
    """

    def __init__(self) -> None:
        self._first_words: dict[tuple[str, str], str] = {}
        self._held: dict[tuple[str, str], Output] = {}

    def pass_on(self, event: Event) -> Iterator[Event]:
        """The events to store now in place of this one."""
        if isinstance(event, Output) and isinstance(event.text, str) and REDRAW.search(event.text):
            key = (event.host, event.step)
            if key in self._first_words:
                self._held[key] = event
                return
            self._first_words[key] = _words(event.text)
        elif self._first_words:
            yield from self._end(event)
        yield event

    def rest(self) -> Iterator[Event]:
        """The events still held, at the end."""
        for key in list(self._first_words):
            yield from self._close(key)

    def _end(self, event: Event) -> Iterator[Event]:
        """Any other event of that machine and step ends the drawing there."""
        for key in list(self._first_words):
            if key == (event.host, event.step) or not event.host:
                yield from self._close(key)

    def _close(self, key: tuple[str, str]) -> Iterator[Event]:
        first, held = self._first_words.pop(key), self._held.pop(key, None)
        if held is not None and _words(held.text) != first:
            yield held


def last_state(text: str) -> str:
    """The final text of a line that carriage returns overwrote, without redrawing codes."""
    if "\r" in text:
        text = text.rstrip("\r").rpartition("\r")[2]
    return REDRAW.sub("", text) if "\x1b" in text or "\x08" in text else text


def _words(text: str) -> str:
    """Letters and digits only: a moving arrow is not new content."""
    return DECORATION.sub("", plain_text(text))
