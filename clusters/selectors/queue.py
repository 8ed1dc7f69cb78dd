"""The queue as a user sees it: how many jobs start before theirs, without the owners of these jobs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count

from clusters.models import Probe, Run
from clusters.runs.claims.shares import NOBODY

if TYPE_CHECKING:
    from django.db.models import Model

    from clusters.models import Cluster, Inspection, Scan


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """The place of a waiting job. `number` is 1 for the next one, and an upper bound: others may end meanwhile.

    `own` is how many jobs of the same kind and owner are running, `waiting` how many of a cluster's machines wait.
    """

    number: int
    own: int
    waiting: int = 1

    @property
    def held_up(self) -> bool:
        """Whether other jobs start first or run for the same owner; else a worker claims it at once."""
        return self.number > 1 or self.own > 0


def run_place(run: Run) -> QueuePlace | None:
    """The place of a run; None when it does not wait."""
    if run.state != Run.State.QUEUED:
        return None
    before = Run.objects.filter(state=Run.State.QUEUED, pk__lt=run.pk, cluster__owner_id=run.cluster.owner_id)
    return _place(Run, run.cluster, before.count(), ("queued",), ("running", "cancelling"))


def chore_place(row: Scan | Inspection | None) -> QueuePlace | None:
    """The place of a scan or an inspection; None when it does not wait."""
    if row is None or row.state != "waiting":
        return None
    kind = type(row)
    before = kind._default_manager.filter(
        state="waiting", asked_at__lt=row.asked_at, cluster__owner_id=row.cluster.owner_id
    )
    return _place(kind, row.cluster, before.count(), ("waiting",), ("running",))


def probes_place(cluster: Cluster) -> QueuePlace | None:
    """The place of the first waiting machine test of a cluster; None when none waits."""
    waiting = Probe.objects.filter(cluster=cluster, state="waiting").order_by("pk")
    first = waiting.values_list("pk", flat=True).first()
    if first is None:
        return None
    before = Probe.objects.filter(state="waiting", pk__lt=first, cluster__owner_id=cluster.owner_id)
    return _place(Probe, cluster, before.count(), ("waiting",), ("running",), waiting.count())


def _place(
    kind: type[Model], cluster: Cluster, before: int, waiting: tuple[str, ...], busy: tuple[str, ...], many: int = 1
) -> QueuePlace:
    """The place behind `before` of the same owner: owners with fewer running jobs come first (`runs.claims.shares`)."""
    queued, running = _by_owner(kind, waiting), _by_owner(kind, busy)
    me = cluster.owner_id or NOBODY
    mine = running.pop(me, 0)
    queued.pop(me, None)
    others = sum(min(many_wait, max(0, before + 1 + mine - running[owner])) for owner, many_wait in queued.items())
    return QueuePlace(before + 1 + others, mine, many)


def _by_owner(kind: type[Model], states: tuple[str, ...]) -> Counter[int]:
    rows: Any = kind._default_manager.filter(state__in=states).order_by()
    found = rows.values_list("cluster__owner_id").annotate(Count("pk"))
    return Counter({owner or NOBODY: count for owner, count in found})
