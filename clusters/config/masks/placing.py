"""Which stored secret each mask of a text is: by the lines around it, by what stands before it, none where in doubt."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from clusters.config.masks.pairing import Keys, Pairs

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Shown:
    """A stored value as it was shown, with a mask for each of its secrets; what is secret as a whole is as stored."""

    text: str = field(repr=False)
    secrets: tuple[object, ...] = field(repr=False)

    def __str__(self) -> str:
        return self.text


class _Place(NamedTuple):
    """Where a mask is: its line of all lines, which mask of that line, and what is before it there.

    `bare` is what is before it without the blanks that the line begins with.
    """

    line: int
    turn: int
    lead: int
    bare: int


class Places:
    """Which secrets stand behind what, and in which lines, in all of the texts that are stored."""

    def __init__(self, lists: Iterable[Sequence[object]], mask: str) -> None:
        self._leads: dict[Hashable, list[object]] = {}
        self._lines: dict[Hashable, list[object]] = {}
        for texts in lists:
            lines, places = _read(_visible_lines(texts), mask)
            for place, secret in zip(places, _secrets(texts), strict=True):
                self._leads.setdefault(place.bare, []).append(secret)
                self._lines.setdefault(_whole_line(lines, place), []).append(secret)

    def behind(self, bare: Hashable) -> list[object]:
        """All secrets behind the same."""
        return self._leads.get(bare, [])

    def in_line(self, line: Hashable) -> list[object]:
        """All secrets at that place of a line that is the same."""
        return self._lines.get(line, [])


def secrets_of_texts(
    stored: Sequence[object], typed: Sequence[str], mask: str, whole: Places
) -> list[list[object] | None]:
    """Of each text of a list that was typed, the secrets of its masks; None where that of one is not known."""
    each = iter(secrets_of_masks(stored, typed, mask, whole))
    found = [list(islice(each, text.count(mask))) for text in typed]
    return [None if None in secrets else secrets for secrets in found]


def secrets_of_masks(
    stored: Sequence[object], typed: Sequence[str], mask: str, whole: Places | None = None
) -> list[object | None]:
    """The secret of each mask in a list of texts that was typed; None where it is not known.

    A line that stands once in both lists is the same one. Between two such, masks in lines that are equal, and then
    masks with the same text before them, are the same where as many came back as there were: of fewer, nobody knows
    which is gone, and of more, which is new. Where all secrets with that text before them are equal, it is that one.

    `whole` knows the texts of the whole document, where these are a part of it: a line may have been moved from
    another text, and its mask is not one that stands in a similar line here.
    """
    secrets = _secrets(stored)
    lines, places = _read(_visible_lines(stored), mask)
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
    _by_all(pairs, (lines, places), (others, masks), secrets, whole or Places((), mask))
    return [secrets[pairs.of[number]] if number in pairs.of else None for number in range(len(masks))]


def _by_all(
    pairs: Pairs,
    stored: tuple[list[str], list[_Place]],
    typed: tuple[list[str], list[_Place]],
    secrets: list[object],
    whole: Places,
) -> None:
    """Copies of what is here, unless it may be from elsewhere in the document; and no pair of what is from there."""
    (lines, places), (others, masks) = stored, typed
    bare: dict[Hashable | None, int] = {each.lead: each.bare for each in masks}
    leads: tuple[Keys, Keys] = [each.lead for each in places], [each.lead for each in masks]
    pairs.copies(*leads, secrets, lambda lead: whole.behind(bare[lead]))
    whole_lines: tuple[Keys, Keys] = (
        [_whole_line(lines, each) for each in places],
        [_whole_line(others, each) for each in masks],
    )
    pairs.unless_moved(*whole_lines, secrets, whole.in_line)


def _secrets(stored: Sequence[object]) -> list[object]:
    return [each for text in stored if isinstance(text, Shown) for each in text.secrets]


def _visible_lines(stored: Sequence[object]) -> list[str]:
    return [str(each) if isinstance(each, str | Shown) else "" for each in stored]


def _whole_line(lines: list[str], place: _Place) -> tuple[str, int]:
    return lines[place.line].strip(), place.turn


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
            lead, bare = hash(above + first), hash((above + first).lstrip())
            for turn, part in enumerate(rest):
                places.append(_Place(len(lines), turn, lead, bare))
                lead, bare = hash((lead, part)), hash((bare, part))
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
