"""attempts_of(): the attempts that belong together, from the first to the newest; none of them is ever deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from clusters.models import Run


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: it did everything, or according to `part` one step or the remaining ones."""

    pk: int
    number: int
    state: str
    part: str
    by: str
    at: datetime


def attempts_of(run: Run) -> list[Attempt]:
    """In order; empty if there was only one."""
    columns = ("pk", "attempt", "state", "part", "asked_by__username", "created_at", "retry_of_id")
    rows = list(run.cluster.runs.order_by("pk").values_list(*columns))
    before = {row[0]: row[6] for row in rows}
    first = run.pk
    while before.get(first):
        first = before[first]
    family = {first}
    for row in rows:
        if row[6] in family:
            family.add(row[0])
    if len(family) < 2:
        return []
    return [
        Attempt(pk, number, state, part, by or "", at)
        for pk, number, state, part, by, at, _before in rows
        if pk in family
    ]
