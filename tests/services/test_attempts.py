"""Attempts after a failure do what their buttons promise: one step, the rest, or all with a precheck waived."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters import services
from clusters.models import AuditEntry, Cluster, Run, StepRun
from clusters.runs.events.store import recipe_ended
from clusters.services import NotPossible
from clusters.services.attempts import _order

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User

pytestmark = pytest.mark.django_db

CHECK = "time.skew"


@pytest.fixture
def failed(make_run: Callable[..., Run]) -> Run:
    """A run that failed in "etcd/start" on node1, while one earlier step was not done on node3."""
    run = make_run(state="failed", failures=[{"step": f"precheck/{CHECK}", "host": "node1"}])
    order = _order(run, "etcd/start")
    for position, path in enumerate(order):
        state = "changed" if position < order.index("etcd/start") else "skipped"
        state = "failed" if path == "etcd/start" else "cancelled" if path == "os/swap" else state
        StepRun.objects.create(run=run, step=path, title=path, phase="x", position=position, host="node1", state=state)
    return run


def test_one_step_is_the_prechecks_and_that_step(failed: Run, alice: User) -> None:
    again = services.run_retry_step(actor=alice, run=failed, step="etcd/start")
    assert again.part == "step"
    assert again.attempt == failed.attempt + 1
    assert again.only[-1] == "etcd/start"
    assert all(path.startswith("precheck/") for path in again.only[:-1])
    assert len(again.only) > 5


def test_retry_from_here_includes_earlier_unfinished_steps(failed: Run, alice: User) -> None:
    again = services.run_retry_from(actor=alice, run=failed, step="etcd/start")
    order = _order(failed, "etcd/start")
    steps = [path for path in again.only if not path.startswith("precheck/")]
    assert again.part == "rest"
    assert steps == ["os/swap", *order[order.index("etcd/start") :]]


def test_from_a_precheck_is_everything(failed: Run, alice: User) -> None:
    StepRun.objects.update(state="skipped")
    again = services.run_retry_from(actor=alice, run=failed, step="precheck/access.facts")
    assert (again.only, again.part) == ([], "")


def test_a_step_that_is_gone_is_refused(failed: Run, alice: User) -> None:
    with pytest.raises(NotPossible, match="no longer has a step os/gone"):
        services.run_retry_step(actor=alice, run=failed, step="os/gone")


def test_a_success_of_one_step_does_not_make_the_cluster_ready(failed: Run, alice: User, cluster: Cluster) -> None:
    Run.objects.filter(pk=failed.pk).update(started_at=failed.created_at)
    type(cluster).objects.update(state="failed")
    again = failed
    for part, state in (("step", "failed"), ("rest", "ready")):
        again = services.run_retry(actor=alice, run=again, only=["etcd/start"], part=part)
        Run.objects.filter(pk=again.pk).update(state="succeeded", started_at=failed.created_at)
        recipe_ended(again, "part" if part == "step" else "succeeded")
        cluster.refresh_from_db()
        assert cluster.state == state


def test_a_precheck_is_waived_with_a_reason_that_is_saved(failed: Run, alice: User) -> None:
    again = services.run_waive(actor=alice, run=failed, check=CHECK, reason="  The lab has\nno NTP. ")
    assert again.waivers == [CHECK]
    record = again.accepted[0]
    assert (record["check"], record["reason"], record["by"]) == (CHECK, "The lab has no NTP.", "alice")
    entry = AuditEntry.objects.get(deed="run.waive")
    assert entry.details["reason"] == "The lab has no NTP."
    Run.objects.filter(pk=again.pk).update(state="failed")
    third = services.run_retry(actor=alice, run=Run.objects.get(pk=again.pk))
    assert (third.waivers, third.accepted) == ([CHECK], again.accepted)


@pytest.mark.parametrize(
    ("check", "reason", "message"),
    [
        (CHECK, "   ", "A reason is required"),
        ("access.facts", "I know what I do", "cannot be waived"),
        ("no.such", "I know what I do", "cannot be waived"),
        ("os.swap_off", "I know what I do", "did not fail"),
    ],
)
def test_mandatory_prechecks_are_not_waived(failed: Run, alice: User, check: str, reason: str, message: str) -> None:
    with pytest.raises(NotPossible, match=message):
        services.run_waive(actor=alice, run=failed, check=check, reason=reason)
    assert Run.objects.count() == 1


def test_only_prechecks_that_may_be_waived_are_offered() -> None:
    assert services.waivable(f"precheck/{CHECK}") == CHECK
    assert services.waivable("precheck/access.facts") == ""
    assert services.waivable("etcd/start") == ""
    assert services.waivable("precheck/gone") == ""
