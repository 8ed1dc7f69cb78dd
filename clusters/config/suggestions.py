"""nearest(): the allowed word that is most likely meant, sought only as long as a document's share of work lasts."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_WORD = 80
"""Characters; what is longer is no mistyped word, and comparing takes time with the product of both lengths."""
_WORK = 2_000_000
"""For one document: some hundred words beside all feature gates. A person corrects the first ones and looks again."""
_GLANCE = 25
"""The work of seeing that two words have hardly a letter in common; comparing them takes the product of the lengths."""


@dataclass(slots=True)
class _Share:
    left: int = _WORK


_share: ContextVar[_Share | None] = ContextVar("share", default=None)


@contextmanager
def share_of_suggestions() -> Iterator[None]:
    """All suggestions made in here share the work that one document may cause."""
    token = _share.set(_Share())
    try:
        yield
    finally:
        _share.reset(token)


def nearest(text: str, words: Iterable[str], cutoff: float) -> str:
    """The word that is most alike, if it is alike enough; empty when none is, or when the share of work is used up.

    `cutoff` is what difflib calls a ratio: 1 is the same word.
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
