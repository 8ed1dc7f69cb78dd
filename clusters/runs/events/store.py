"""store(): one batch of events into the database, in one transaction that only the run's worker can commit."""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Avg, Exists, OuterRef
from django.utils import timezone

from clusters.catalog.recipes import recipes_by_name
from clusters.engine.check import PRECHECK
from clusters.errors import InstallerError
from clusters.models import Cluster, Run, StepRun
from clusters.runs.events.batches import plan_rows, step_rows
from clusters.runs.events.bulk_sql import StepChange, insert_events, insert_steps, update_steps
from clusters.runs.notify.outbox import announce

if TYPE_CHECKING:
    from clusters.runs.events.batches import Batch

# Earlier runs that are used to estimate how long a step takes.
MEASURED_RUNS = 20


class LeaseLost(InstallerError):
    """Another worker has the run now, or the run is over."""


def store(run_id: int, worker: str, before: int, batch: Batch, ending: dict[str, Any] | None = None) -> None:
    """Write the batch, and with `ending` (fields of Run) the end of the run.

    Raises LeaseLost unless this worker has the run and its newest event is number `before`: a worker that was
    believed dead cannot write into a run that another has taken over. When the database connection broke just after
    writing this batch, writing it again is detected and does nothing.
    """
    with transaction.atomic():
        run = Run.objects.filter(pk=run_id, worker=worker, last_seq=before, state__in=Run.ACTIVE)
        fields: dict[str, Any] = {"last_seq": batch.seq, "last_line": batch.line, **(ending or {})}
        if batch.message is not None:
            fields.setdefault("message", batch.message)
        if not run.update(**fields):
            if batch.rows and _written_before(run_id, worker, batch):
                return
            raise LeaseLost(f"Run {run_id} no longer belongs to this worker; nothing more is written.")
        insert_events(batch.rows)
        _write_steps(run_id, batch)
        if batch.failures:
            earlier = Run.objects.values_list("failures", flat=True).get(pk=run_id)
            Run.objects.filter(pk=run_id).update(failures=[*earlier, *batch.failures])
        part = Run.objects.values_list("part", flat=True).get(pk=run_id)
        if part != Run.Part.PREVIEW:
            _write_cluster(run_id, batch)
        if ending:
            _end_steps(run_id, ending["state"])
        if ending and part != Run.Part.PREVIEW:
            _end_cluster(run_id, ending["state"], part)
            announce(run_id)


def _written_before(run_id: int, worker: str, batch: Batch) -> bool:
    """Whether this batch is already stored, by a commit whose confirmation was lost."""
    return Run.objects.filter(pk=run_id, worker=worker, last_seq=batch.seq).exists()


def _write_steps(run_id: int, batch: Batch) -> None:
    if batch.plan is not None:
        paths = [str(step["path"]) for step in batch.plan.steps]
        Run.objects.filter(pk=run_id).update(plan=plan_rows(batch.plan))
        StepRun.objects.filter(run_id=run_id).delete()
        insert_steps(step_rows(run_id, batch.plan, measured_seconds(paths)))
    changes = []
    for (step, host), data in batch.steps.items():
        started = batch.started.get((step, host))
        changes.append(StepChange(run_id, step, host, started, data))
    if update_steps(changes) < len(changes):
        for change in changes:
            if not StepRun.objects.filter(run_id=run_id, step=change.step, host=change.host).exists():
                _add_unplanned(change)
    for (step, host), fields in batch.uncut.items():
        StepRun.objects.filter(run_id=run_id, step=step, host=host).update(**fields)


def _add_unplanned(change: StepChange) -> None:
    """Add a step that the plan did not name; it is shown after those of the plan."""
    rows = StepRun.objects.filter(run_id=change.run_id)
    last = rows.order_by("-position").values_list("position", flat=True).first()
    StepRun.objects.create(
        run_id=change.run_id,
        step=change.step,
        host=change.host,
        title=change.step,
        phase=change.step.split("/", maxsplit=1)[0][:64],
        position=(last or 0) + 1,
    )
    update_steps([change])


def measured_seconds(paths: list[str]) -> dict[str, float]:
    """How long each of these steps takes on a machine, from the newest runs that changed anything.

    It is the median of the runs in which the step itself changed something, regardless of their number of machines.
    """
    changed = StepRun.objects.filter(run_id=OuterRef("pk"), state="changed")
    whole = Run.objects.exclude(part=Run.Part.PREVIEW)
    newest = whole.filter(Exists(changed)).order_by("-pk").values_list("pk", flat=True)[:MEASURED_RUNS]
    seconds: dict[str, list[float]] = defaultdict(list)
    means = (
        StepRun.objects.filter(run_id__in=list(newest), step__in=paths, state="changed", seconds__gt=0)
        .order_by()
        .values_list("step", "run_id")
        .annotate(mean=Avg("seconds"))
    )
    for step, _run, mean in means:
        seconds[step].append(mean)
    return {step: statistics.median(took) for step, took in seconds.items()}


def _write_cluster(run_id: int, batch: Batch) -> None:
    fields: dict[str, Any] = {}
    if batch.nodes is not None:
        fields |= {"nodes": batch.nodes, "nodes_seen_at": timezone.now()}
    if batch.kubeconfig is not None:
        fields["kubeconfig"] = batch.kubeconfig
    if fields:
        Cluster.objects.filter(runs=run_id).update(**fields)


def _end_steps(run_id: int, state: str) -> None:
    """Set the state of steps that will no longer run."""
    left = StepRun.objects.filter(run_id=run_id)
    left.filter(state="running").update(state="cancelled")
    left.filter(state="waiting").update(state="cancelled" if state == "cancelled" else "skipped")


def _end_cluster(run_id: int, state: str, part: str) -> None:
    """Update the cluster after the end of its run."""
    run = Run.objects.select_related("cluster").get(pk=run_id)
    recipe_ended(run, "part" if state == "succeeded" and part == Run.Part.STEP else state)


def recipe_ended(run: Run, state: str) -> None:
    """Set the cluster's state after a run that ended in `state`.

    Only success and failure of a recipe that decides the state change it, and a failure only once a step has started:
    a run that failed in its prechecks left the machines as they were. A cancelled run, and a successful one of a single
    step ("part"), restore the state from before; a draft that steps have begun to install becomes incomplete.
    """
    known = recipes_by_name().get(run.recipe)
    decides = known is None or known.makes_ready
    before = Cluster.State(run.cluster_before or "failed")
    if decides and state == Run.State.SUCCEEDED:
        after = Cluster.State.READY
    elif decides and not _has_only_checked(run) and (state == Run.State.FAILED or before == Cluster.State.DRAFT):
        after = Cluster.State.FAILED
    else:
        after = before
    Cluster.objects.filter(pk=run.cluster_id).update(state=after)


def _has_only_checked(run: Run) -> bool:
    """Whether no machine was changed: only prechecks ran. Nothing is known of the steps of a worker before this one."""
    started = StepRun.objects.filter(run=run, started_at__isnull=False)
    return not run.takeovers and not started.exclude(step__startswith=f"{PRECHECK}/").exists()
