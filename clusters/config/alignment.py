"""aligned(): matches the entries of a list with those of its new version, in nearly linear time."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Stretch(NamedTuple):
    """Entries `first` to `last` of the old list equal `start` to `stop` of the new one, or were replaced by them."""

    same: bool
    first: int
    last: int
    start: int
    stop: int


def aligned(old: Sequence[str], new: Sequence[str]) -> Iterator[Stretch]:
    """Stretches that cover both lists in order. The nth copy of a name in one list matches the nth copy in the other.

    Common prefixes and suffixes match; between them, the longest common subsequence of names does.
    `difflib` finds more matches for repeated names, but needs cubic time.
    """
    prefix = _equal_at_start(old, new)
    suffix = _equal_at_start(old[prefix:][::-1], new[prefix:][::-1])
    last, stop = len(old) - suffix, len(new) - suffix
    places = [(place, place) for place in range(prefix)]
    places += _in_both(_with_turns(old[prefix:last]), _with_turns(new[prefix:stop]), prefix)
    places += [(last + more, stop + more) for more in range(suffix)]
    yield from _stretches(places, len(old), len(new))


def _equal_at_start(old: Sequence[str], new: Sequence[str]) -> int:
    count = 0
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        count += 1
    return count


def _with_turns(names: Sequence[str]) -> list[tuple[str, int]]:
    """Each name with the number of its earlier copies."""
    before: Counter[str] = Counter()
    found = []
    for name in names:
        found.append((name, before[name]))
        before[name] += 1
    return found


def _in_both(old: list[tuple[str, int]], new: list[tuple[str, int]], offset: int) -> list[tuple[int, int]]:
    """Positions of the longest common subsequence of two lists of unique entries."""
    place_of = {entry: place for place, entry in enumerate(new)}
    shared = [(place, place_of[entry]) for place, entry in enumerate(old) if entry in place_of]
    ends: list[int] = []  # the smallest position in `new` at which a subsequence of each length ends
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
    same = [0, 0]  # start of the stretch of equal entries that ends at `first` and `start`
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
