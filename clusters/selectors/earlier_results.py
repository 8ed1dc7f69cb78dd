"""so_before(): what an earlier run of the cluster left as it shall be; it will probably cost no more than a look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.engine.events import State
from clusters.models import Run, StepRun

if TYPE_CHECKING:
    from clusters.selectors.critical_path import Node

# Seconds that a look takes, more or less.
LOOK_SECONDS = 0.5
# Earlier runs of the cluster that are asked, and runs whose answer is kept in memory: it never changes.
ASKED, KEPT = 3, 16
WELL = {State.SAME, State.CHANGED, State.WARNING}
ILL = {State.FAILED, State.CANCELLED}

_kept: dict[tuple[int, object], frozenset[Node]] = {}


def so_before(run: Run) -> frozenset[Node]:
    """Steps on machines that ended well when they were last carried out on this cluster."""
    key = (run.pk, run.created_at)
    if (found := _kept.get(key)) is not None:
        return found
    earlier = Run.objects.filter(cluster_id=run.cluster_id, pk__lt=run.pk)
    earlier = earlier.exclude(part=Run.Part.PREVIEW).order_by("-pk")
    newest = list(earlier.values_list("pk", flat=True)[:ASKED])
    states = {}
    if newest:
        rows = StepRun.objects.filter(run_id__in=newest, state__in=WELL | ILL).order_by("run_id")
        states = {(step, host): state for step, host, state in rows.values_list("step", "host", "state")}
    _kept[key] = frozenset(node for node, state in states.items() if state in WELL)
    while len(_kept) > KEPT:
        _kept.pop(next(iter(_kept)), None)
    return _kept[key]
