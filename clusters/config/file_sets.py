"""The files of one document: KubeKey 4 has one for the Inventory and one for the Config."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from clusters.config.dialects.file_parts import pick
from clusters.config.dialects.markdown import BYTE_ORDER_MARK, without_fence
from clusters.config.yaml.tree import Refused, read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clusters.config.finding import Finding


@dataclass(frozen=True, slots=True)
class FileSet:
    """The text of one or several files that describe a cluster together, and the first line of each in it."""

    names: tuple[str, ...]
    text: str = field(repr=False)
    starts: tuple[int, ...] = (1,)

    @property
    def name(self) -> str:
        """The names of all files."""
        return " + ".join(self.names)

    def placed(self, found: Iterable[Finding]) -> tuple[Finding, ...]:
        """The findings with the file and the line in it."""
        return tuple(self._placed(each) for each in found)

    def _placed(self, finding: Finding) -> Finding:
        if not finding.line:
            return replace(finding, file=self.name)
        place = max(number for number, start in enumerate(self.starts) if number == 0 or start <= finding.line)
        line = max(1, finding.line - self.starts[place] + 1)
        return replace(finding, file=self.names[place], line=line)


def joined(sources: Iterable[tuple[str, str]]) -> FileSet:
    """These files, each with its name, as one text."""
    files = list(sources)
    if len(files) == 1:
        return FileSet((files[0][0],), files[0][1])
    text, starts = "", []
    for number, (_, content) in enumerate(files):
        text += "---\n" if number else ""
        starts.append(text.count("\n") + 1)
        part = without_fence(content.removeprefix(BYTE_ORDER_MARK))
        text += part if part.endswith("\n") else f"{part}\n"
    return FileSet(tuple(name for name, _ in files), text, tuple(starts))


def file_sets(sources: Iterable[tuple[str, str]]) -> tuple[FileSet, ...]:
    """The documents in these files: an Inventory and the next file with a Config are one, in either order."""
    found: list[list[tuple[str, str]]] = []
    kinds: list[frozenset[str]] = []
    for source in sources:
        kind = _kinds(source[1])
        place = next((number for number, other in enumerate(kinds) if _are_a_pair(other, kind)), None)
        if place is None:
            found.append([source])
            kinds.append(kind)
        else:
            found[place].append(source)
            kinds[place] |= kind
    return tuple(joined(files) for files in found)


_PAIR = (frozenset({"inventory"}), frozenset({"config"}))


def _are_a_pair(one: frozenset[str], other: frozenset[str]) -> bool:
    return (one, other) in (_PAIR, _PAIR[::-1])


def _kinds(text: str) -> frozenset[str]:
    """Which of KubeKey's documents are in a text; none if it cannot be read."""
    try:
        parts = pick(read(without_fence(text.removeprefix(BYTE_ORDER_MARK))))
    except Refused:
        return frozenset()
    return frozenset(slot for slot in ("cluster", "inventory", "config") if getattr(parts, slot) is not None)
