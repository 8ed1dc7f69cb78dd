"""Forms of known secrets, found in a text in a time that does not grow with how many of them begin alike."""

from __future__ import annotations

import threading
from bisect import bisect_left
from typing import TYPE_CHECKING

from clusters.runs.encodings import SHORTEST_FORM

if TYPE_CHECKING:
    from collections.abc import Iterator

_GRAM, _STRIDE = 4, SHORTEST_FORM - 4 + 1
"""Every form holds one of the pieces of four characters into which a text is cut, one every five characters."""


class KnownForms:
    """Forms of eight characters and more. Adding, by one thread at a time, is safe while others search.

    A place at which a form may begin is looked up: its first eight characters, then each length that forms with this
    beginning have. A thousand forms of one length with one beginning cost as much as one.
    """

    def __init__(self) -> None:
        self._blocks: dict[str, int] = {}
        self._grams: set[str] = set()
        self._lengths: dict[str, tuple[int, ...]] = {}
        self._ordered: dict[int, list[str]] = {}
        self._fresh: list[str] = []
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def __contains__(self, form: str) -> bool:
        return form in self._blocks

    def add(self, form: str, block: int) -> None:
        """One more; `block` is how many of its characters show whether a text that ends within it goes on so."""
        self._blocks[form] = block
        beginning = form[:SHORTEST_FORM]
        known = self._lengths.get(beginning, ())
        if len(form) not in known:
            self._lengths[beginning] = (*known, len(form))
        self._grams.update(form[start : start + _GRAM] for start in range(_STRIDE))
        with self._lock:
            self._fresh.append(form)

    def places(self, text: str) -> Iterator[tuple[int, int]]:
        """Where forms stand in a text without line breaks; no two places of one form overlap."""
        pieces = [text[start : start + _GRAM] for start in range(0, len(text), _STRIDE)]
        near = self._grams.intersection(pieces)
        if not near:
            return
        ends: dict[str, int] = {}
        for number, piece in enumerate(pieces):
            if piece not in near:
                continue
            at = number * _STRIDE
            for start in range(max(0, at - _STRIDE + 1), at + 1):
                for length in self._lengths.get(text[start : start + SHORTEST_FORM], ()):
                    form = text[start : start + length]
                    # At the end of the text it is cut, and may be another one.
                    if len(form) == length and form in self._blocks and start >= ends.get(form, 0):
                        ends[form] = start + length
                        yield start, start + length

    def begins_at_end(self, tail: str, start: int) -> bool:
        """Whether a form begins there that is longer than what is left; only whole blocks of it are compared."""
        if tail[start : start + SHORTEST_FORM] not in self._lengths:
            return False
        left = len(tail) - start
        for block, ordered in self._in_order().items():
            beginning = tail[start : start + left // block * block]
            at = bisect_left(ordered, beginning) if beginning else len(ordered)
            while at < len(ordered) and ordered[at].startswith(beginning):
                if len(ordered[at]) > left:
                    return True
                at += 1
        return False

    def _in_order(self) -> dict[int, list[str]]:
        """The forms of each block in their order; what was added since the last time is sorted in."""
        with self._lock:
            if self._fresh:
                lists: dict[int, list[str]] = {}
                for form in self._fresh:
                    lists.setdefault(self._blocks[form], []).append(form)
                self._fresh = []
                fresh = {block: sorted([*self._ordered.get(block, ()), *forms]) for block, forms in lists.items()}
                self._ordered = self._ordered | fresh
            return self._ordered
