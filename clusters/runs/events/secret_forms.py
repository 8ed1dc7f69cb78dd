"""Forms of known secrets: searched in a time that does not grow with the number of forms with the same beginning."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from clusters.runs.events.encodings import SHORTEST_FORM

if TYPE_CHECKING:
    from collections.abc import Iterator

_GRAM, _STRIDE = 4, SHORTEST_FORM - 4 + 1
"""Every form contains one of the pieces of four characters into which a text is cut, one every five characters."""
_FIRST_WIDTH = 1_024
"""Characters of a text that are compared first with forms that have the same beginning."""


class KnownForms:
    """Forms of eight characters and more. Adding, by one thread at a time, is safe while others search.

    Each place of a text at which a form may begin is looked up once: by its first eight characters, and if several
    forms begin with these, in sorted order. That costs as much for a thousand forms as for a few.
    """

    def __init__(self) -> None:
        self._blocks: dict[str, int] = {}
        self._grams: set[str] = set()
        # Most beginnings have only one form, which is the value itself.
        self._by_beginning: dict[str, str | AlikeForms] = {}
        self._ordered: dict[int, tuple[list[str], list[int]]] = {}
        self._fresh: list[str] = []
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def __contains__(self, form: str) -> bool:
        return form in self._blocks

    def add(self, form: str, block: int) -> None:
        """Add a form; `block` is how many of its characters show that a text which ends within it may continue it."""
        if form in self._blocks:
            return
        self._blocks[form] = block
        beginning = form[:SHORTEST_FORM]
        known = self._by_beginning.get(beginning)
        if isinstance(known, AlikeForms):
            known.add(form)
        else:
            self._by_beginning[beginning] = form if known is None else AlikeForms(known, form)
        self._grams.update(form[start : start + _GRAM] for start in range(_STRIDE))
        with self._lock:
            self._fresh.append(form)

    def places(self, text: str) -> Iterator[tuple[int, int]]:
        """The parts of a text without line breaks that belong to forms: in order, overlapping ones merged."""
        pieces = [text[start : start + _GRAM] for start in range(0, len(text), _STRIDE)]
        near = self._grams.intersection(pieces)
        if not near:
            return
        first = last = 0
        for number, piece in enumerate(pieces):
            if piece not in near:
                continue
            at = number * _STRIDE
            for start in range(max(0, at - _STRIDE + 1), at + 1):
                length = self._longest(text, start)
                if not length:
                    continue
                if start >= last:
                    if last:
                        yield first, last
                    first = start
                last = max(last, start + length)
        if last:
            yield first, last

    def _longest(self, text: str, start: int) -> int:
        """The length of the longest form at this place; 0 without one."""
        known = self._by_beginning.get(text[start : start + SHORTEST_FORM])
        if isinstance(known, str):
            return len(known) if text.startswith(known, start) else 0
        return known.longest(text, start) if known is not None else 0

    def begins_at_end(self, tail: str, start: int) -> bool:
        """Whether a form begins there that is longer than the rest of the text; only whole blocks are compared."""
        if tail[start : start + SHORTEST_FORM] not in self._by_beginning:
            return False
        left = len(tail) - start
        for block, (ordered, longer) in self._in_order().items():
            beginning = tail[start : start + left // block * block]
            at = bisect_left(ordered, beginning) if beginning else len(ordered)
            while at < len(ordered) and ordered[at].startswith(beginning):
                if len(ordered[at]) > left:
                    return True
                at = longer[at]
        return False

    def _in_order(self) -> dict[int, tuple[list[str], list[int]]]:
        """The sorted forms of each block, and for each the place of the next longer one.

        Forms added since the last call are sorted in.
        """
        with self._lock:
            if self._fresh:
                lists: dict[int, list[str]] = {}
                for form in self._fresh:
                    lists.setdefault(self._blocks[form], []).append(form)
                self._fresh = []
                for block, forms in lists.items():
                    before = self._ordered[block][0] if block in self._ordered else []
                    ordered = sorted([*before, *forms])
                    self._ordered = self._ordered | {block: (ordered, _next_longer(ordered))}
            return self._ordered


class AlikeForms:
    """Sorted forms with the same beginning; each knows the longest other form that is a prefix of it.

    Of the forms at a place of a text, the longest is a prefix of the last form that does not sort after the text.
    """

    def __init__(self, *forms: str) -> None:
        self._forms = list(forms)
        self._built: tuple[int, list[str], list[int], list[int]] = (0, [], [], [])

    def add(self, form: str) -> None:
        """Add a form that is not among them yet."""
        self._forms.append(form)

    def longest(self, text: str, start: int) -> int:
        """The length of the longest form at this place; 0 without one."""
        forms, within, far = self._in_order()
        width = _FIRST_WIDTH
        while True:
            word = text[start : start + width]
            behind = bisect_right(forms, word)
            # Compare more characters only where a form continues with all of these.
            if len(word) < width or behind == len(forms) or not forms[behind].startswith(word):
                break
            width *= 2
        at = behind - 1
        while not word.startswith(forms[at]):
            at = within[at] if word.startswith(forms[far[at]]) else far[at]
        return len(forms[at])

    def _in_order(self) -> tuple[list[str], list[int], list[int]]:
        """All forms after an empty one; for each the longest prefix among them, and a far shorter one.

        The latter shorten the search for any shorter one: each jumps as far as the two before it together.
        """
        count, forms, within, far = self._built
        if count == len(self._forms):
            return forms, within, far
        count = len(self._forms)
        forms, within, far, depths = ["", *sorted(self._forms[:count])], [0], [0], [0]
        for at in range(1, count + 1):
            near = at - 1
            while not forms[at].startswith(forms[near]):
                near = within[near]
            jump = far[near]
            within.append(near)
            far.append(far[jump] if depths[near] - depths[jump] == depths[jump] - depths[far[jump]] else near)
            depths.append(depths[near] + 1)
        self._built = count, forms, within, far
        return forms, within, far


def _next_longer(forms: list[str]) -> list[int]:
    """For each the place of the first longer one after it; their number without one."""
    places = [len(forms)] * len(forms)
    waiting: list[int] = []
    for at, form in enumerate(forms):
        while waiting and len(forms[waiting[-1]]) < len(form):
            places[waiting.pop()] = at
        waiting.append(at)
    return places
