"""nearest(): the most similar allowed word, within a work budget for each document."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_WORD = 80
"""Characters; a longer text is not a mistyped word, and a comparison costs the product of both lengths."""
_WORK = 2_000_000
"""For one document: about a hundred words against all feature gates. Users fix the first ones and check again."""
_GLANCE = 25
"""The cost of a quick dissimilarity check; a full comparison costs the product of the lengths."""


@dataclass(slots=True)
class _Share:
    left: int = _WORK


_share: ContextVar[_Share | None] = ContextVar("share", default=None)


@contextmanager
def share_of_suggestions() -> Iterator[None]:
    """All suggestions in this context share the work budget of one document."""
    token = _share.set(_Share())
    try:
        yield
    finally:
        _share.reset(token)


def nearest(text: str, words: Iterable[str], cutoff: float) -> str:
    """The most similar word; empty when none is similar enough or the work budget is used up.

    `cutoff` is a ratio as in difflib: 1 is the same word.
    """
    share = _share.get() or _Share()
    if len(text) > LONGEST_WORD:
        return ""
    matcher = SequenceMatcher[str](autojunk=False)
    matcher.set_seq2(text)
    best, found = cutoff, ""
    for word in words:
        share.left -= _GLANCE
        if share.left < 0:
            return ""
        if len(word) > LONGEST_WORD:
            continue
        matcher.set_seq1(word)
        if matcher.real_quick_ratio() < best or matcher.quick_ratio() < best:
            continue
        share.left -= len(word) * len(text)
        best, found = max((best, found), (matcher.ratio(), word))
    return found
