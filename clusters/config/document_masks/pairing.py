"""Match the entries of an edited list with the stored ones, in linear time; ambiguous entries have no match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from clusters.config.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from clusters.config.schema import Host

Keys = list["Hashable | None"]
"""A key for each entry of a list; None for an entry without one."""
Others = Callable[["Hashable | None"], Iterable[Any]]
"""A key -> the values that it has anywhere in the document."""


class Pairs:
    """Gathers which new entry is which old one."""

    def __init__(self, old: int, new: int) -> None:
        self.of: dict[int, int] = {}
        self._old, self._new = dict.fromkeys(range(old)), dict.fromkeys(range(new))

    def by(self, old: Keys, new: Keys) -> None:
        """Those that are left and have the same key, by their turn, where as many are left of both."""
        theirs, ours = _grouped(old, self._old), _grouped(new, self._new)
        for key, places in ours.items():
            if len(found := theirs.get(key, ())) == len(places):
                for place, other in zip(places, found, strict=True):
                    self._pair(place, other)

    def copies(self, old: Keys, new: Keys, values: Sequence[Any], others: Others = lambda _: ()) -> None:
        """What is left of the new ones, where all old ones with that key have the same value.

        `others` gives the values that the key has elsewhere: what is new here may have been moved from there.
        """
        known = _grouped(old, range(len(old)))
        alike = {key: all(values[each] == values[places[0]] for each in places) for key, places in known.items()}
        for place in list(self._new):
            key = new[place]
            if key is not None and alike.get(key):
                first = known[key][0]
                if all(value == values[first] for value in others(key)):
                    self._pair(place, first)

    def unless_moved(self, old: Keys, new: Keys, values: Sequence[Any], others: Others) -> None:
        """Takes back pairs of what was not here before, and has another value where it was."""
        here = set(old)
        for place, other in list(self.of.items()):
            if new[place] not in here and any(value != values[other] for value in others(new[place])):
                del self.of[place]

    def between(self, old: int, new: int) -> None:
        """The one that is left between two pairs, or before the first, or behind the last: it was changed."""
        ends = {-1: -1, new: old}
        for place in list(self._new):
            before, after = self.of.get(place - 1, ends.get(place - 1)), self.of.get(place + 1, ends.get(place + 1))
            if before is not None and after == before + 2 and before + 1 in self._old:
                self._pair(place, before + 1)

    def _pair(self, place: int, other: int) -> None:
        self.of[place] = other
        self._new.pop(place, None)
        self._old.pop(other, None)


def _grouped(keys: Keys, places: Any) -> dict[Hashable, list[int]]:
    groups: dict[Hashable, list[int]] = {}
    for place in places:
        if (key := keys[place]) is not None:
            groups.setdefault(key, []).append(place)
    return groups


def paired(old: Sequence[Any], new: Sequence[Any], others: Others = lambda _: ()) -> dict[int, int]:
    """Places of new entries -> those of the old ones: by all that is shown of them, by their name, or between two.

    `others` gives all entries of the document that are shown so.
    """
    pairs = Pairs(len(old), len(new))
    whole: tuple[Keys, Keys] = [printed(each) for each in old], [printed(each) for each in new]
    pairs.by(*whole)
    pairs.copies(*whole, old, others)
    pairs.by(*_once([_name(each) for each in old], [_name(each) for each in new]))
    pairs.between(len(old), len(new))
    pairs.unless_moved(*whole, old, others)
    return pairs.of


def same_machines(old: Sequence[Host], new: Sequence[Host]) -> dict[int, int]:
    """The same for machines. A password belongs to an address: only one at a new address is found by its name."""
    pairs = Pairs(len(old), len(new))
    whole: tuple[Keys, Keys] = (
        [_called(each) for each in old],
        [_called(each) for each in new],
    )
    pairs.by(*whole)
    pairs.copies(*whole, old)
    reached: tuple[Keys, Keys] = [_reached(each) for each in old], [_reached(each) for each in new]
    placed = [[key and (place, key) for place, key in enumerate(keys)] for keys in reached]
    pairs.by(placed[0], placed[1])
    pairs.by(*_once(*reached))
    pairs.by(*_once([each.name or None for each in old], [each.name or None for each in new]))
    return pairs.of


def _once(old: Keys, new: Keys) -> tuple[Keys, Keys]:
    """Keys that stand once in each of both."""
    first, then = Counter(old), Counter(new)
    return [key if first[key] == 1 else None for key in old], [key if then[key] == 1 else None for key in new]


def _called(host: Host) -> tuple[str, str, int]:
    return host.name, *_goes_to(host)


def _goes_to(host: Host) -> tuple[str, int]:
    return host.ssh_address, host.port


def _reached(host: Host) -> tuple[str, int] | None:
    return _goes_to(host) if host.ssh_address else None


def _name(item: Any) -> str | None:
    """What an entry is called, as the finder knows it, too."""
    known = dict(parts_of(item)) if isinstance(item, dict | BaseModel) else {}
    named = known.get("name") or known.get("key")
    return named if isinstance(named, str) else None


def printed(value: Any) -> str:
    """All that is shown of a value."""
    if isinstance(value, Secret):
        return repr(value.reveal())
    if isinstance(value, dict | BaseModel):
        return "{" + ",".join(sorted(f"{str(key)!r}:{printed(inner)}" for key, inner in parts_of(value))) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(printed, value)) + "]"
    return repr(str(value))


def parts_of(value: dict[str, Any] | BaseModel) -> Iterator[tuple[str, Any]]:
    """Keys as they stand in the text, and values."""
    if isinstance(value, dict):
        yield from value.items()
        return
    for name, field in type(value).model_fields.items():
        yield field.alias or name, value.__dict__[name]
    yield from (value.model_extra or {}).items()
