"""Estimates come from the durations of earlier runs; the first run has built-in estimates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from clusters.engine import events
from clusters.models import Cluster, Run, StepRun
from clusters.runs.events.sink import DatabaseSink
from clusters.runs.events.store import MEASURED_RUNS, measured_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from django.test import Client

pytestmark = pytest.mark.django_db(transaction=True)

STEPS = ("os/a", "os/b", "etcd/c")
NEEDS = {"os/b": ["os/a"], "etcd/c": ["os/b"]}


def store_plan(run: Run, host_count: int = 2) -> None:
    """Store its plan, like a worker."""
    hosts = [f"node{number}" for number in range(1, host_count + 1)]
    sink = DatabaseSink(run)
    sink.emit(events.PlanMade(steps=[
        {"path": path, "title": path, "phase": "os", "hosts": hosts, "needs": NEEDS.get(path, []),
         "expected": 100.0, "timeout": 600.0}
        for path in STEPS
    ]))  # fmt: skip
    sink.close()


def took(run: Run, seconds: float, state: str = "changed") -> None:
    """End all its steps, after this many seconds each."""
    run.steps.update(state=state, seconds=seconds)
    Run.objects.filter(pk=run.pk).update(state="succeeded", finished_at=timezone.now())


def header(client: Client, run: Run) -> str:
    return client.get(reverse("run-header", args=[run.pk])).content.decode()


def test_the_first_run_uses_built_in_estimates_and_the_next_one_measurements(
    make_run: Callable[..., Run], client: Client, alice: User
) -> None:
    client.force_login(alice)
    run = make_run(state="running", worker="w", started_at=timezone.now())
    store_plan(run)
    assert set(run.steps.values_list("expected", "measured")) == {(100.0, False)}
    said = header(client, run)
    # Three steps of 100 s one after the other, with the wide range of an estimate.
    assert "about 3\u201310 m left" in said
    assert "estimate, nothing measured yet" in said
    assert "No earlier run has measured these steps" in said
    took(run, 40.0)
    other = Cluster.objects.create(owner=alice, name="other", document=run.document)
    again = make_run(cluster=other, state="running", worker="w", started_at=timezone.now())
    store_plan(again)
    assert set(again.steps.values_list("expected", "measured")) == {(40.0, True)}
    said = header(client, again)
    assert "about 1\u20133 m left" in said
    assert "nothing measured yet" not in said
    assert "Based on the time these steps took in earlier runs" in said


def test_an_unchanged_step_does_not_affect_estimates(make_run: Callable[..., Run]) -> None:
    for seconds, state in ((40.0, "changed"), (0.2, "same"), (600.0, "failed"), (0.1, "skipped")):
        run = make_run(state="running", worker="w")
        store_plan(run)
        took(run, seconds, state)
    assert measured_seconds([*STEPS]) == dict.fromkeys(STEPS, 40.0)


def test_a_run_of_many_machines_counts_once_in_estimates(make_run: Callable[..., Run]) -> None:
    for seconds, count in ((10.0, 2), (30.0, 3), (20.0, 300)):
        run = make_run(state="running", worker="w")
        store_plan(run, count)
        took(run, seconds)
    assert StepRun.objects.count() > 10 * MEASURED_RUNS * len(STEPS)
    assert measured_seconds([*STEPS]) == dict.fromkeys(STEPS, 20.0)
    assert measured_seconds(["os/new"]) == {}


def test_steps_done_before_are_estimated_as_checks(make_run: Callable[..., Run], client: Client, alice: User) -> None:
    client.force_login(alice)
    run = make_run(state="running", worker="w")
    store_plan(run)
    took(run, 40.0)
    run.steps.filter(step="etcd/c").update(state="failed")
    again = make_run(state="running", worker="w", started_at=timezone.now())
    store_plan(again)
    # Two checks, and the built-in 100 s for the failed step.
    assert "about 1\u20134 m left" in header(client, again)
    again.steps.filter(step="os/a").update(state="running", started_at=timezone.now())
    Run.objects.filter(pk=again.pk).update(last_seq=F("last_seq") + 1)
    # The desired state was not reached after all, so the step takes its 40 s.
    assert "about 1\u20135 m left" in header(client, again)
    again.steps.exclude(step="etcd/c").update(state="same", seconds=0.2)
    Run.objects.filter(pk=again.pk).update(last_seq=F("last_seq") + 1)
    assert ">0 %<" in header(client, again)
    took(again, 40.0)
    third = make_run(state="running", worker="w", started_at=timezone.now())
    store_plan(third)
    assert "less than a minute left" in header(client, third)
