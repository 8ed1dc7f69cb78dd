"""Masks that came back where no secret can be put: in keys without a login, and outside of values and comments."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from clusters.config.document_masks.comments import comments_of
from clusters.config.secret import MASK, STAND_IN
from clusters.config.secrets.patterns import login_in_name
from clusters.config.yaml.nodes import every
from clusters.config.yaml.tree import Mapping, Scalar, read

if TYPE_CHECKING:
    from collections.abc import Iterator


def masks_astray(text: str, stored: str = "") -> list[int]:
    """The lines, from 1, of such stand-ins. Raises Refused. Dots in a key that is `stored` with them do not count."""
    if STAND_IN not in text:
        return []
    known = {key.text for key in _keys(stored)} if MASK in stored else set()
    spans = [_lines_of(text, each) for each in every(read(text)) if isinstance(each, Scalar)]
    keys = (key for key in _keys(text) if STAND_IN in key.text)
    spans += [(key.start, key.end) for key in keys if key.text.replace(STAND_IN, MASK) in known or _is_login(key.text)]
    spans = sorted([*spans, *comments_of(text)])
    starts = [start for start, _end in spans]
    lines, place = [], text.find(STAND_IN)
    while place >= 0:
        number = bisect_right(starts, place) - 1
        if number < 0 or spans[number][1] <= place:
            lines.append(text.count("\n", 0, place) + 1)
        place = text.find(STAND_IN, place + 1)
    return lines


def _lines_of(text: str, scalar: Scalar) -> tuple[int, int]:
    """Where a value is; of a block its lines, since a comment may stand in its head."""
    return text.find("\n", scalar.start) if scalar.block else scalar.start, scalar.end


def _is_login(name: str) -> bool:
    """Whether each stand-in in the name of a server is in the place of its password."""
    found = sum(name[start:end].count(STAND_IN) for start, end in login_in_name(name))
    return found == name.count(STAND_IN)


def _keys(text: str) -> Iterator[Scalar]:
    for node in every(read(text)):
        if isinstance(node, Mapping):
            yield from (key for key, _value in node.pairs.values())
