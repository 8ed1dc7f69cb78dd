"""expanded_size(): the size of a regular expression once its repeats are expanded, as `regex` compiles it."""

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
# With `(?x)` blanks and comments may be anywhere, even within a number and around a parenthesis.
_FREE_LAYOUT = re.compile(r"\(\?[A-Za-wyz0-9]*+x")
_ENDLESS = 10**9
"""Used for a count with more digits."""


def expanded_size(text: str) -> int:
    """The number of characters, sets and groups after repeats are expanded; an upper bound where it is not certain.

    `regex` copies what is repeated: `a{3}` is four times as large as `a`, `a+` twice, multiplied by each repeat around
    them. Its parser is private, so this reads parentheses and braces itself.
    """
    if _FREE_LAYOUT.search(text):
        return _at_most(text)
    sizes, lasts = [0], [0]  # of the open groups: the whole, and the part that a repeat would apply to
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
        elif kind == "flags":  # a following repeat may apply to the part before, or to a call like `(?1)`
            sizes[-1] += 1
            lasts[-1] = max(lasts[-1], 1)
        elif kind != "nothing":
            sizes[-1] += 1
            lasts[-1] = 1
    return sum(sizes)


def _at_most(text: str) -> int:
    """An upper bound for any reading of the text: the product of two counts is less than their digits joined."""
    digits = _number("".join(_COUNT.findall(text)) or "0")
    return len(text) * (digits + 1) << len(re.findall(r"[+*]", text))


def _number(digits: str) -> int:
    found = whole_number(digits, 9)
    return _ENDLESS if found is None else found
