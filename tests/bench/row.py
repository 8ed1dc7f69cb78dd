"""Row: one measurement, its limit, and the number of an alternative beside it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Row:
    """`measured` and the limit `must` are in `unit`; smaller is better. `beside` has other numbers of the same run."""

    what: str
    measured: float
    must: float
    unit: str = "s"
    beside: str = ""

    @property
    def is_kept(self) -> bool:
        """Whether the limit is kept."""
        return self.measured <= self.must

    def cells(self) -> tuple[str, ...]:
        """The row as text: what, measured, must, verdict, beside."""
        verdict = "ok" if self.is_kept else "MISSED"
        return self.what, f"{self.measured:.3f} {self.unit}", f"{self.must:g} {self.unit}", verdict, self.beside


HEAD = ("what", "measured", "must", "verdict", "beside")


def cpu_seconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The processor time of the fastest of some rounds, so that other load on the machine counts little."""
    found = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        found.append(time.process_time() - started)
    return min(found)


def table(rows: Iterable[Row]) -> str:
    """All rows under each other, with columns as wide as their widest cell."""
    cells = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    return "\n".join(
        " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )
