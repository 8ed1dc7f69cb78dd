"""Which stored secret each mask of a text is: by the lines around it, by what stands before it, none where in doubt."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from clusters.config.pairing import Pairs

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Shown:
    """A stored value as it was shown, with a mask for each of its secrets; what is secret as a whole is as stored."""

    text: str = field(repr=False)
    secrets: tuple[object, ...] = field(repr=False)

    def __str__(self) -> str:
        return self.text


class _Place(NamedTuple):
    """Where a mask is: its line of all lines, which mask of that line, and what is before it there."""

    line: int
    turn: int
    lead: int


def secrets_of_texts(stored: Sequence[object], typed: Sequence[str], mask: str) -> list[list[object] | None]:
    """Of each text of a list that was typed, the secrets of its masks; None where that of one is not known."""
    each = iter(secrets_of_masks(stored, typed, mask))
    found = [list(islice(each, text.count(mask))) for text in typed]
    return [None if None in secrets else secrets for secrets in found]


def secrets_of_masks(stored: Sequence[object], typed: Sequence[str], mask: str) -> list[object | None]:
    """The secret of each mask in a list of texts that was typed; None where it is not known.

    A line that stands once in both lists is the same one. Between two such, masks in lines that are equal, and then
    masks with the same text before them, are the same where as many came back as there were: of fewer, nobody knows
    which is gone, and of more, which is new. Where all secrets with that text before them are equal, it is that one.
    """
    secrets = [each for text in stored if isinstance(text, Shown) for each in text.secrets]
    lines, places = _read([str(each) if isinstance(each, str | Shown) else "" for each in stored], mask)
    others, masks = _read(typed, mask)
    first, then = Counter(lines), Counter(others)
    anchors = {line for line in first if line.strip() and first[line] == then[line] == 1}
    old, new = _around(lines, anchors), _around(others, anchors)
    pairs = Pairs(len(places), len(masks))
    pairs.by(
        [_in_line(each, lines, old, anchors) for each in places],
        [_in_line(each, others, new, anchors) for each in masks],
    )
    pairs.by(
        [(old[each.line][0], lines[each.line], each.turn) for each in places],
        [(new[each.line][0], others[each.line], each.turn) for each in masks],
    )
    pairs.by([(old[each.line], each.lead) for each in places], [(new[each.line], each.lead) for each in masks])
    pairs.copies([each.lead for each in places], [each.lead for each in masks], secrets)
    return [secrets[pairs.of[number]] if number in pairs.of else None for number in range(len(masks))]


def _read(texts: Sequence[str], mask: str) -> tuple[list[str], list[_Place]]:
    """The lines of all texts, and where their masks are.

    For a line that begins with a mask, the line above is part of its key.
    """
    lines: list[str] = []
    places: list[_Place] = []
    ahead = ""
    for text in texts:
        for line in text.split("\n"):
            first, *rest = line.split(mask)
            led = bool(rest) and not first.strip(" \t-") and ahead.strip() and mask not in ahead
            above = f"{ahead}\n" if led else ""
            lead = hash(above + first)
            for turn, part in enumerate(rest):
                places.append(_Place(len(lines), turn, lead))
                lead = hash((lead, part))
            lines.append(above + line)
            ahead = line
    return lines, places


def _around(lines: list[str], anchors: set[str]) -> list[tuple[str, str]]:
    """Of each line the nearest anchors before and behind it."""
    before, behind = [], []
    last = ""
    for line in lines:
        before.append(last)
        last = line if line in anchors else last
    last = ""
    for line in reversed(lines):
        behind.append(last)
        last = line if line in anchors else last
    return list(zip(before, reversed(behind), strict=True))


def _in_line(place: _Place, lines: list[str], around: list[tuple[str, str]], anchors: set[str]) -> object:
    line = lines[place.line]
    return (line, place.turn) if line in anchors else (*around[place.line], line, place.turn)
