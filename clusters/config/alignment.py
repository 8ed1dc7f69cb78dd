"""aligned(): which entries of a list are the same ones in its new version, in linear time."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Stretch(NamedTuple):
    """Entries `first` to `last` of the old list are the same as `start` to `stop` of the new one, or were replaced."""

    same: bool
    first: int
    last: int
    start: int
    stop: int


def aligned(old: Sequence[str], new: Sequence[str]) -> Iterator[Stretch]:
    """Stretches that cover both lists in order. The second copy of a name in one list matches the second in the other.

    What both begin and end with is the same. Between, the longest row of names that comes in one order in both is.
    `difflib` finds more where names repeat, but takes cubic time for that.
    """
    begun = _equal_at_start(old, new)
    ended = _equal_at_start(old[begun:][::-1], new[begun:][::-1])
    last, stop = len(old) - ended, len(new) - ended
    places = [(place, place) for place in range(begun)]
    places += _in_both(_with_turns(old[begun:last]), _with_turns(new[begun:stop]), begun)
    places += [(last + more, stop + more) for more in range(ended)]
    yield from _stretches(places, len(old), len(new))


def _equal_at_start(old: Sequence[str], new: Sequence[str]) -> int:
    count = 0
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        count += 1
    return count


def _with_turns(names: Sequence[str]) -> list[tuple[str, int]]:
    """Each name with how often it stood before."""
    before: Counter[str] = Counter()
    found = []
    for name in names:
        found.append((name, before[name]))
        before[name] += 1
    return found


def _in_both(old: list[tuple[str, int]], new: list[tuple[str, int]], offset: int) -> list[tuple[int, int]]:
    """Places of the longest row of entries that stand in one order in both lists, where each entry stands once."""
    place_of = {entry: place for place, entry in enumerate(new)}
    shared = [(place, place_of[entry]) for place, entry in enumerate(old) if entry in place_of]
    ends: list[int] = []  # the smallest place in `new` at which a row of each length ends
    indexes: list[int] = []
    before: list[int] = []
    for index, (_, place) in enumerate(shared):
        length = bisect_left(ends, place)
        before.append(indexes[length - 1] if length else -1)
        ends[length : length + 1] = [place]
        indexes[length : length + 1] = [index]
    row = []
    index = indexes[-1] if indexes else -1
    while index >= 0:
        row.append((shared[index][0] + offset, shared[index][1] + offset))
        index = before[index]
    return row[::-1]


def _stretches(places: list[tuple[int, int]], last: int, stop: int) -> Iterator[Stretch]:
    first = start = 0
    same = [0, 0]  # where the stretch of equal entries began that ends at `first` and `start`
    for old, new in [*places, (last, stop)]:
        if (old, new) == (first, start) and old < last and new < stop:
            first, start = old + 1, new + 1
            continue
        if same != [first, start]:
            yield Stretch(True, same[0], first, same[1], start)
        if (first, start) != (old, new):
            yield Stretch(False, first, old, start, new)
        same = [old, new]
        first, start = old + 1, new + 1
