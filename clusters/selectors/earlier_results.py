"""done_before(): steps that an earlier run of the cluster completed; they will probably need no more than a check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.engine.events import State
from clusters.models import Run, StepRun

if TYPE_CHECKING:
    from clusters.selectors.critical_path import Node

# Seconds that a check takes, roughly.
LOOK_SECONDS = 0.5
# Earlier runs of the cluster that are read, and runs whose result is cached: it never changes.
RUNS_READ, RUNS_CACHED = 3, 16
GOOD = {State.SAME, State.CHANGED, State.WARNING}
BAD = {State.FAILED, State.CANCELLED}

_cache: dict[tuple[int, object], frozenset[Node]] = {}


def done_before(run: Run) -> frozenset[Node]:
    """Steps on machines that succeeded when they last ran on this cluster."""
    key = (run.pk, run.created_at)
    if (found := _cache.get(key)) is not None:
        return found
    earlier = Run.objects.filter(cluster_id=run.cluster_id, pk__lt=run.pk)
    earlier = earlier.exclude(part=Run.Part.PREVIEW).order_by("-pk")
    newest = list(earlier.values_list("pk", flat=True)[:RUNS_READ])
    states = {}
    if newest:
        rows = StepRun.objects.filter(run_id__in=newest, state__in=GOOD | BAD).order_by("run_id")
        states = {(step, host): state for step, host, state in rows.values_list("step", "host", "state")}
    _cache[key] = frozenset(node for node, state in states.items() if state in GOOD)
    while len(_cache) > RUNS_CACHED:
        _cache.pop(next(iter(_cache)), None)
    return _cache[key]
