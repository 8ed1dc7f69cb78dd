"""Slipway's lines inside a file of another owner, between two marker lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.engine.wants import Sight, Wanted
from clusters.numbers import octal
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from clusters.engine.machine import Machine


def block(path: str, name: str, text: str) -> Wanted:
    """Slipway's lines inside a file of another owner, between two marker lines; the rest stays unchanged."""
    ours = (f"# slipway {name} BEGIN", *text.rstrip().split("\n"), f"# slipway {name} END")

    def read(machine: Machine) -> _Found:
        return _find((machine.read(path) or b"").decode("utf-8", "surrogateescape"), ours)

    def look(machine: Machine) -> Sight:
        found = read(machine)
        return Sight(found.now == found.wanted, f"Slipway's lines in {path} are missing or changed")

    def act(machine: Machine) -> None:
        found = read(machine)
        machine.note(f"writing Slipway's lines into {path}")
        if found.without_end:
            machine.note(f"{path} no longer has the line {ours[-1]!r}; the lines after {ours[0]!r} stay")
        stat = machine.ask(sh("stat -c '%a %U:%G' {}", path)).stdout.split()
        mode = octal(stat[0]) if len(stat) == 2 else None
        mode, owner = (0o644, "root:root") if mode is None else (mode, stat[1])
        machine.put(found.wanted.encode("utf-8", "surrogateescape"), path, mode=mode, owner=owner)

    return Wanted(f"{path} has Slipway's lines for {name}", look, act, (path,))


@dataclass(frozen=True, slots=True)
class _Found:
    """The file as it is, and as it should be; `without_end`: a block in it has lost its last line."""

    now: str
    wanted: str
    without_end: bool


def _find(now: str, ours: tuple[str, ...]) -> _Found:
    """Remove our blocks, and insert the wanted one where the first of them was, else at the end.

    The length of a block without its last line is unknown. Only lines that are wanted now and directly follow its first
    line count as ours; all others stay, after the new block, so that ours wins where the first line of a kind does.
    """
    begin, *text, end = ours
    lines = now.split("\n")
    others: list[str] = []
    first: int | None = None
    place, without_end = 0, False
    while place < len(lines):
        if lines[place] != begin:
            others.append(lines[place])
            place += 1
            continue
        first = len(others) if first is None else first
        place += 1
        stop = next((each for each in range(place, len(lines)) if lines[each] in (begin, end)), len(lines))
        if lines[stop : stop + 1] == [end]:
            place = stop + 1
            continue
        without_end = True
        while place < len(lines) and lines[place] in text:
            place += 1
    if first is None:
        # Add a line end if the last line has none, also in an empty file.
        first = len(others) - (others[-1] == "")
    after = others[first:] or [""]
    return _Found(now, "\n".join([*others[:first], *ours, *after]), without_end)
