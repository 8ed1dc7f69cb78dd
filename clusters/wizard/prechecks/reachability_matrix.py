"""Reachability as a table: what net.node_to_node observed from each machine, with the blocked ports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECK = "net.node_to_node"

WHOLE = 12
"""Up to this number, the table shows all machines; beyond it, only machines with problems, at most this many."""


@dataclass(frozen=True)
class Cell:
    """One direction between two machines. `state` is open, closed, self, unneeded or unknown."""

    target: str
    state: str
    count: int = 0
    closed: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Cause -> the ports that failed with it."""


@dataclass(frozen=True)
class Table:
    """`rows` are machine and cells; `left_out` counts hidden machines, `trouble` directions with closed ports."""

    targets: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    left_out: int
    trouble: int


def table_of(results: Sequence[dict[str, Any]]) -> Table | None:
    """The table of an inspection's results; None before the first result."""
    results_by_host = {each["host"]: each.get("seen") for each in results if each["check"] == CHECK}
    seen: dict[str, dict[str, dict[str, str]]] = {host: found for host, found in results_by_host.items() if found}
    if not seen:
        return None
    # A machine that passed without any connection has no peers to connect to.
    idle = {each["host"] for each in results if each["check"] == CHECK and each["state"] == "same"} - set(seen)
    seen |= {host: {} for host in idle}
    names = list(dict.fromkeys([*results_by_host, *(target for found in seen.values() for target in found)]))
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
    for port, cause in ports.items():
        if cause:
            why.setdefault(cause, []).append(port)
    closed = tuple((cause, tuple(sorted(found, key=int))) for cause, found in why.items())
    return Cell(target, "closed" if closed else "open", len(ports), closed)
