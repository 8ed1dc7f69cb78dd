"""Shares: whose work a worker begins next, so that what one person asks for keeps nobody else waiting.

A worker has places for each kind of work: machine tests, scans, inspections, runs. Two rules give them out:

- An owner of clusters takes at most half of the places that the others leave. Some stay free for the next owner,
  who begins at once although somebody else's work fills all the rest for hours.
- Of those who wait, the one with the least under way is next, and among equals the one who was served longest ago. So
  an owner with much work waiting is served in turn as well, however many small requests of others come in.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.db.models import Min

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from django.db.models import QuerySet

NOBODY = 0
"""Stands for the owner of clusters whose owner was deleted: they share one share."""


def share(places: int, others: int) -> int:
    """How many of a worker's places one owner may fill when `others` are filled: half of what is left, rounded up."""
    return (places - others + 1) // 2


class Shares:
    """The places of one worker for one kind of work. Used by the worker's own thread alone."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._served: dict[int, int] = {}

    def next_owner(self, waiting: Sequence[int], busy: Mapping[int, int]) -> int | None:
        """The owner whose work begins next; None when nobody who waits may begin.

        `waiting` are owners, who asked first comes first; `busy` is how much each has under way here.
        """
        total = sum(busy.values())
        may = [owner for owner in waiting if self._may(busy.get(owner, 0), total)]
        return min(may, key=lambda owner: (busy.get(owner, 0), self._served.get(owner, 0)), default=None)

    def claims(
        self, rows: QuerySet[Any], busy: Callable[[], Counter[int]], *, asked: str = "pk"
    ) -> Iterator[tuple[int, int]]:
        """What to claim, one after the other, as (pk, owner), until no place is left. The rows have a cluster.

        `asked` is the field that says who asked first. `busy` is called before each, so it counts the place claimed
        last.
        """
        if sum(busy().values()) >= self.places:
            return
        owners = rows.order_by().values("cluster__owner_id").annotate(first=Min(asked)).order_by("first")
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
            # Last, the turn: an owner who was never served has 0 and comes first.
            self._served[owner] = max(self._served.values(), default=0) + 1
            yield pk, owner

    def _may(self, mine: int, total: int) -> bool:
        return total < self.places and mine < share(self.places, total - mine)


def owner_counts(owners: dict[Any, int]) -> Counter[int]:
    """How much each owner has under way, from the owner of each piece of work."""
    # A copy: threads take out what has ended.
    return Counter(owners.copy().values())
