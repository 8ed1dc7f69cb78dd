"""expanded_size(): how large a regular expression becomes once its repeats are written out, as `regex` compiles it."""

from __future__ import annotations

import re

from clusters.numbers import whole_number

_CLASS = r"\[:\^?+[A-Za-z0-9 &_./=-]*+:\]"
_PART = re.compile(
    rf"""
    (?P<nothing> \(\?\#(?:[^)\\]|\\.)*+\)?+ | \? )
    | (?P<flags> \(\?[A-Za-z0-9-]*+\) )
    | (?P<open> \( )
    | (?P<close> \) )
    | (?P<endless> [+*] )
    | (?P<braces> \{{[^{{}}]*+\}} )
    | (?P<character> \\. | \[\^?+(?:\\.|{_CLASS}|.)(?:\\.|{_CLASS}|[^\]\\])*+\]?+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_COUNT = re.compile(r"[0-9]++")
# In `(?x)` blanks and comments stand anywhere, in the middle of a number and around a parenthesis, too.
_FREE_LAYOUT = re.compile(r"\(\?[A-Za-wyz0-9]*+x")
_ENDLESS = 10**9
"""Stands for a count of more digits than that."""


def expanded_size(text: str) -> int:
    """Characters, sets and groups, each as often as its repeats say; where that is not sure, too many.

    `regex` copies what is repeated: `a{3}` is four times as much as `a`, `a+` twice, and both again for each repeat
    around them. Its parser is private, so this reads parentheses and braces itself.
    """
    if _FREE_LAYOUT.search(text):
        return _at_most(text)
    sizes, lasts = [0], [0]  # of the groups that are open: the whole, and the part that a repeat would be of
    for part in _PART.finditer(text):
        kind = part.lastgroup
        if kind == "open":
            sizes.append(1)
            lasts.append(0)
        elif kind == "close" and len(sizes) > 1:
            lasts.pop()
            lasts[-1] = sizes.pop()
            sizes[-1] += lasts[-1]
        elif kind in ("endless", "braces"):
            times = 2 if kind == "endless" else 1 + max(map(_number, _COUNT.findall(part[0])), default=0)
            sizes[-1] += lasts[-1] * (times - 1)
            lasts[-1] *= times
        elif kind == "flags":  # what follows may be a repeat of what stands before, or of a call like `(?1)`
            sizes[-1] += 1
            lasts[-1] = max(lasts[-1], 1)
        elif kind != "nothing":
            sizes[-1] += 1
            lasts[-1] = 1
    return sum(sizes)


def _at_most(text: str) -> int:
    """What no reading of the text exceeds: the product of two counts is less than both written side by side."""
    digits = _number("".join(_COUNT.findall(text)) or "0")
    return len(text) * (digits + 1) << len(re.findall(r"[+*]", text))


def _number(digits: str) -> int:
    found = whole_number(digits, 9)
    return _ENDLESS if found is None else found
