"""Values that a shell gives to a variable: the items of `PASSWORD=(a b)`, and the default of `PASSWORD=${1:-x}`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clusters.config.secrets.names import is_open_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.secrets.patterns import Span

LONGEST_OPEN = 2_000
"""Characters of a value that is not a secret. A longer one counts as one: names in it would have it read again each."""
# No part gives back what it took (`++`): a text is read once.
_ARRAY = re.compile(r"\((?:\"[^\"\n]*+\"|'[^'\n]*+'|[^\s\"'()]++|\s++)*+\)(?=[\s;&|\"'`)]|$)")
_ITEM = re.compile(r"(?:\[[^\[\]\s]*+\]=)?+(?:\"(?P<a>[^\"\n]++)\"|'(?P<b>[^'\n]++)'|(?P<c>[^\s\"'()]++))")
_DEFAULT = re.compile(r"[\"']?+(?:\$\{\w++(?:\[[\w@*]*+\])?+:?+[-=+][\"']?+)++(?P<value>[^\s\"'`$(){}][^\n\"'`}]*+)")


def is_array(value: str) -> bool:
    """Whether it is an array of a shell: `(a b)`."""
    return value.startswith("(") and _ARRAY.fullmatch(value) is not None


def given_in_shell(text: str, match: re.Match[str], place: int) -> Iterator[Span] | None:
    """The secrets of an array, or of a default, that begins at this place behind a name; None when neither does."""
    if text[place - 1 : place] != "=":
        return None
    end = place + LONGEST_OPEN
    if text.startswith("(", place) and (array := _ARRAY.match(text, place, end)) is not None:
        return _items(text, match["key"], place + 1, array.end() - 1)
    default = _DEFAULT.match(text, place)
    if default is None or (default.end() < end and is_open_value(match["key"], default["value"])):
        return None
    return iter([default.span("value")])


def _items(text: str, key: str, start: int, end: int) -> Iterator[Span]:
    for item in _ITEM.finditer(text, start, end):
        which = item.lastgroup or "c"
        if not item[which].startswith("$") and not is_open_value(key, item[which]):
            yield item.span(which)
