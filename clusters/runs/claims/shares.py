"""Shares: whose job a worker starts next, so that the jobs of one person do not block those of others.

A worker has places for each kind of job: machine tests, scans, inspections, runs. Two rules assign them:

- An owner of clusters gets at most half of the places that the others leave. Some stay free for the next owner,
  who starts at once although another owner's jobs fill all the rest for hours.
- Among the waiting owners, the one with the fewest running jobs is next, and among equals the one served longest ago.
  So an owner with many waiting jobs is also served in turn, however many small requests of others come in.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.db.models import Min

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from django.db.models import QuerySet

NOBODY = 0
"""The owner of all clusters whose owner was deleted: these clusters have one share together."""


def share(places: int, others: int) -> int:
    """How many of a worker's places one owner may fill when `others` are filled: half of what is left, rounded up."""
    return (places - others + 1) // 2


class Shares:
    """The places of one worker for one kind of job. Used only by the worker's own thread."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._served: dict[int, int] = {}

    def next_owner(self, waiting: Sequence[int], busy: Mapping[int, int]) -> int | None:
        """The owner whose job starts next; None when no waiting owner may start one.

        `waiting` are owners, the earliest request first; `busy` is how many jobs of each run here.
        """
        total = sum(busy.values())
        may = [owner for owner in waiting if self._may(busy.get(owner, 0), total)]
        return min(may, key=lambda owner: (busy.get(owner, 0), self._served.get(owner, 0)), default=None)

    def claims(
        self, rows: QuerySet[Any], busy: Callable[[], Counter[int]], *, oldest_by: str = "pk"
    ) -> Iterator[tuple[int, int]]:
        """What to claim, one after the other, as (pk, owner), until no place is left. The rows have a cluster.

        `oldest_by` is the field that orders requests by age. `busy` is called before each, so it counts the place
        claimed last.
        """
        if sum(busy().values()) >= self.places:
            return
        owners = rows.order_by().values("cluster__owner_id").annotate(first=Min(oldest_by)).order_by("first")
        waiting = [each or NOBODY for each in owners.values_list("cluster__owner_id", flat=True)]
        queues: dict[int, Iterator[int]] = {}
        while (owner := self.next_owner(waiting, busy())) is not None:
            if owner not in queues:
                own = rows.filter(cluster__owner_id=owner or None)
                queues[owner] = iter(list(own.values_list("pk", flat=True)[: self.places]))
            pk = next(queues[owner], None)
            if pk is None:
                waiting.remove(owner)
                continue
            # The number of the turn: an owner who was never served has 0 and comes first.
            self._served[owner] = max(self._served.values(), default=0) + 1
            yield pk, owner

    def _may(self, mine: int, total: int) -> bool:
        return total < self.places and mine < share(self.places, total - mine)


def owner_counts(owners: dict[Any, int]) -> Counter[int]:
    """How many jobs of each owner run, from the owner of each job."""
    # A copy: threads remove jobs that have ended.
    return Counter(owners.copy().values())
