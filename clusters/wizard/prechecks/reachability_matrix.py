"""Who reaches whom, as a table: what net.node_to_node saw from each machine, with the ports that do not get through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECK = "net.node_to_node"

WHOLE = 12
"""Up to so many machines the table has them all; with more it has those with trouble, and at most so many of these."""


@dataclass(frozen=True)
class Cell:
    """One direction between two machines. `state` is open, closed, self, unneeded or unknown."""

    target: str
    state: str
    count: int = 0
    closed: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """What went wrong -> the ports it happened on."""


@dataclass(frozen=True)
class Table:
    """`rows` are machine and cells; `left_out` counts machines not shown, `trouble` directions with closed ports."""

    targets: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    left_out: int
    trouble: int


def table_of(results: Sequence[dict[str, Any]]) -> Table | None:
    """The table of an inspection's results; None before a machine has tried."""
    looked = {each["host"]: each.get("seen") for each in results if each["check"] == CHECK}
    seen: dict[str, dict[str, dict[str, str]]] = {host: found for host, found in looked.items() if found}
    if not seen:
        return None
    # A machine that passed without having called anybody has nobody to call.
    idle = {each["host"] for each in results if each["check"] == CHECK and each["state"] == "same"} - set(seen)
    seen |= {host: {} for host in idle}
    names = list(dict.fromkeys([*looked, *(target for found in seen.values() for target in found)]))
    closed = [
        (source, target) for source, found in seen.items() for target, ports in found.items() if any(ports.values())
    ]
    shown = names
    if len(names) > WHOLE:
        involved = {name for pair in closed for name in pair}
        shown = [name for name in names if name in involved][:WHOLE]
    rows = tuple((source, tuple(_cell(source, target, seen) for target in shown)) for source in shown)
    return Table(tuple(shown), rows, len(names) - len(shown), len(closed))


def _cell(source: str, target: str, seen: dict[str, dict[str, dict[str, str]]]) -> Cell:
    if source == target:
        return Cell(target, "self")
    if source not in seen:
        return Cell(target, "unknown")
    ports = seen[source].get(target)
    if not ports:
        return Cell(target, "unneeded")
    why: dict[str, list[str]] = {}
    for port, told in ports.items():
        if told:
            why.setdefault(told, []).append(port)
    closed = tuple((told, tuple(sorted(found, key=int))) for told, found in why.items())
    return Cell(target, "closed" if closed else "open", len(ports), closed)
