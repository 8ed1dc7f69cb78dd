"""Recipes start with answers and in an allowed state; a preview changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from clusters import services
from clusters.engine.plan import make_plan
from clusters.engine.question import AnswersRefused
from clusters.engine.recipe import recipe
from clusters.errors import PlanError
from clusters.models import AuditEntry, Cluster, Notice, Run, StepRun
from clusters.runs.documents import read_document
from clusters.runs.events.store import measured_seconds, recipe_ended
from clusters.runs.supervise import supervise
from clusters.selectors import run_preview_seen
from clusters.selectors.earlier_results import done_before
from tests.added_recipe import forgotten, renew
from tests.runs.fake_machines import FILES

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from pytest_django import Settings

    from clusters.engine.recipe import Recipe

__all__ = ["forgotten", "renew"]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_findings(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr("clusters.services.installs.findings_of", lambda *words, **options: ())
    monkeypatch.setattr("clusters.services.waivers.check", lambda document: ())
    settings.SLIPWAY_RUN_ON_MACHINES = "tests.runs.fake_machines.run_on_machines"
    settings.SLIPWAY_WEBHOOK_URL = "http://127.0.0.1:9/"


def in_state(cluster: Cluster, state: str) -> Cluster:
    Cluster.objects.filter(pk=cluster.pk).update(state=state)
    cluster.refresh_from_db()
    return cluster


def carried_out(run: Run) -> Run:
    supervise(run.pk, worker_name=f"worker of {run.pk}")
    run.refresh_from_db()
    return run


@pytest.mark.django_db(transaction=True)
def test_answers_are_checked_stored_and_reach_the_machines_that_were_named(
    cluster: Cluster, alice: User, renew: Recipe
) -> None:
    in_state(cluster, "ready")
    with pytest.raises(AnswersRefused, match="Between 1 and 3,999"):
        services.run_start(actor=alice, cluster=cluster, recipe="renew", answers={"days": "4000"})
    with pytest.raises(AnswersRefused, match="is not available"):
        services.run_start(actor=alice, cluster=cluster, recipe="renew", answers={"machines": ["node9"]})
    assert not Run.objects.exists()
    run = services.run_start(
        actor=alice, cluster=cluster, recipe="renew", answers={"days": "30", "machines": ["node2"]}
    )
    assert (run.recipe, run.answers) == ("renew", {"days": 30, "machines": ["node2"]})
    assert run.cluster.state == "working"
    assert carried_out(run).state == "succeeded"
    assert FILES["node2"].files["/etc/days"].content == b"30\n"
    assert not FILES["node1"].files and not FILES["node3"].files


def test_a_wrong_state_is_refused_with_a_message(cluster: Cluster, alice: User, renew: Recipe) -> None:
    with pytest.raises(services.StateRefused) as refused:
        services.run_start(actor=alice, cluster=cluster, recipe="renew")
    assert refused.value.message == "“Renew certificates” cannot start: the state of sample is “Draft”."
    assert refused.value.hint == "It needs the state “Ready” or “Failed”."
    with pytest.raises(services.StateRefused):
        services.run_preview(actor=alice, cluster=cluster, recipe="renew")
    with pytest.raises(PlanError, match="is not a recipe"):
        services.run_start(actor=alice, cluster=cluster, recipe="nothing")
    assert not Run.objects.exists()


def test_a_retry_keeps_the_answers(cluster: Cluster, alice: User, renew: Recipe) -> None:
    in_state(cluster, "ready")
    run = services.run_start(actor=alice, cluster=cluster, recipe="renew", answers={"days": 7})
    Run.objects.filter(pk=run.pk).update(state="failed")
    run.refresh_from_db()
    again = services.run_retry(actor=alice, run=run)
    assert (again.answers, again.attempt) == ({"days": 7, "machines": []}, 2)


@pytest.mark.usefixtures("forgotten")
def test_the_run_gets_the_document_that_the_recipe_prepares(cluster: Cluster, alice: User) -> None:
    def prepared(document: Any, answers: Any) -> Any:
        return document.model_copy(update={"name": "prepared"})

    recipe("rename", "Rename", "os", summary="Rename it.", prepare=prepared)
    run = services.run_start(actor=alice, cluster=cluster, recipe="rename")
    cluster.refresh_from_db()
    assert services.document_of(run).name == "prepared"
    assert services.document_of(cluster).name == "sample"


@pytest.mark.usefixtures("forgotten")
def test_root_texts_of_a_prepared_document_must_be_acknowledged(cluster: Cluster, alice: User) -> None:
    def prepared(document: Any, answers: Any) -> Any:
        script = {"name": "more", "bash": "rm -rf /"}
        return type(document).model_validate({**document.model_dump(by_alias=True), "system": {"preInstall": [script]}})

    recipe("script", "Script", "os", summary="A script.", prepare=prepared)
    with pytest.raises(services.TextsUnread):
        services.run_start(actor=alice, cluster=cluster, recipe="script")


def test_an_uncancellable_run_refuses_a_cancel_once_claimed(cluster: Cluster, alice: User, renew: Recipe) -> None:
    in_state(cluster, "ready")
    run = services.run_start(actor=alice, cluster=cluster, recipe="renew")
    Run.objects.filter(pk=run.pk).update(state="running")  # since the page was shown, on which it waited
    with pytest.raises(services.NotPossible, match="can't be interrupted"):
        services.run_cancel(actor=alice, run=run)
    run.refresh_from_db()
    assert (run.state, run.cancel_asked_at) == ("running", None)
    Run.objects.filter(pk=run.pk).update(state="queued")
    run.refresh_from_db()
    services.run_cancel(actor=alice, run=run)
    assert run.state == "cancelled"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("state", ["draft", "ready", "failed"])
def test_a_preview_changes_neither_machines_nor_the_cluster(cluster: Cluster, alice: User, state: str) -> None:
    in_state(cluster, state)
    Cluster.objects.filter(pk=cluster.pk).update(kubeconfig="kept", nodes=[{"name": "old"}])
    run = carried_out(services.run_preview(actor=alice, cluster=cluster))
    cluster.refresh_from_db()
    assert (run.state, run.is_preview, run.attempt) == ("succeeded", True, 1)
    assert run.message == "Nothing was changed. 3 would change, 4 are correct already, 3 steps are not known yet."
    assert (cluster.state, cluster.kubeconfig, cluster.nodes) == (state, "kept", [{"name": "old"}])
    assert cluster.nodes_seen_at is None
    assert len(FILES) == 3 and not any(host.files for host in FILES.values())
    assert not Notice.objects.exists()
    assert AuditEntry.objects.filter(deed="run.preview").count() == 1
    assert set(StepRun.objects.filter(run=run).values_list("step", "state")) == {
        ("os/prepare", "would"), ("os/ask", "unforeseen"), ("os/deliver", "same"),
    }  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_observations_are_shown_for_each_machine(
    cluster: Cluster, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = carried_out(services.run_preview(actor=alice, cluster=cluster))
    seen = run_preview_seen(run, "node2")
    assert [(one.host, one.same, one.would, one.unforeseen, one.state) for one in seen.machines] == [
        ("node1", 2, 1, 1, "would"), ("node2", 1, 1, 1, "would"), ("node3", 1, 1, 1, "would"),
    ]  # fmt: skip
    (changes,) = seen.changes
    would = [want for want in changes.wants if want.state == "would"]
    assert "+none" in would[0].diff and "there is no /etc/days" in would[0].found
    assert [want.found for want in seen.unforeseen[0].wants] == ["There is no /etc/days yet."]
    assert (seen.host, seen.since, seen.until) == ("node2", run.started_at, run.finished_at)
    assert seen.seconds > 0 and not seen.measured
    assert run_preview_seen(run, "nowhere").host == "node1"
    monkeypatch.setattr("clusters.selectors.previews.MOST_MACHINES", 2)
    StepRun.objects.filter(run=run, host="node3", step="os/ask").update(state="failed")
    run.last_seq += 1  # else the steps are those that were read before
    few = run_preview_seen(run)
    assert ([one.host for one in few.machines], few.more) == (["node3", "node1"], 1)


@pytest.mark.django_db(transaction=True)
def test_a_preview_does_not_count_as_an_attempt_or_a_measurement(cluster: Cluster, alice: User) -> None:
    run = carried_out(services.run_preview(actor=alice, cluster=cluster))
    with pytest.raises(services.NotPossible, match="not an attempt"):
        services.run_retry(actor=alice, run=run)
    StepRun.objects.filter(run=run).update(state="changed", seconds=9.0)
    assert measured_seconds(["os/prepare"]) == {}
    real = services.run_start(actor=alice, cluster=cluster)
    recipe_ended(real, "cancelled")
    cluster.refresh_from_db()
    assert cluster.state == "draft"
    assert done_before(real) == frozenset()
    assert (real.attempt, real.retry_of) == (1, None)


def test_a_cancelled_preview_keeps_the_state_and_notifies_nobody(cluster: Cluster, alice: User) -> None:
    in_state(cluster, "ready")
    run = services.run_preview(actor=alice, cluster=cluster)
    services.run_cancel(actor=alice, run=run)
    cluster.refresh_from_db()
    assert (run.state, cluster.state) == ("cancelled", "ready")
    assert not Notice.objects.exists()


def test_a_press_does_not_return_a_run_that_does_something_else(cluster: Cluster, alice: User, renew: Recipe) -> None:
    in_state(cluster, "ready")
    preview = services.run_preview(actor=alice, cluster=cluster)
    assert services.run_preview(actor=alice, cluster=cluster) == preview
    with pytest.raises(services.NotPossible, match=f"Run {preview.pk} works with sample"):
        services.run_start(actor=alice, cluster=cluster)
    with pytest.raises(services.NotPossible):
        services.run_preview(actor=alice, cluster=cluster, recipe="renew")
    services.run_cancel(actor=alice, run=preview)
    run = services.run_start(actor=alice, cluster=cluster)
    with pytest.raises(services.NotPossible):
        services.run_preview(actor=alice, cluster=cluster)
    assert services.run_start(actor=alice, cluster=cluster) == run


def test_a_preview_is_outdated_once_the_document_was_changed(cluster: Cluster, alice: User) -> None:
    run = services.run_preview(actor=alice, cluster=cluster)
    assert not services.is_outdated(run)
    services.run_cancel(actor=alice, run=run)
    changed = services.document_of(cluster).model_copy(update={"name": "other"})
    services.draft_update(actor=alice, cluster=cluster, document=changed, version=1)
    run.cluster.refresh_from_db()
    assert services.is_outdated(run)


def test_a_stranger_starts_no_preview(cluster: Cluster, bob: User, make_run: Callable[..., Run]) -> None:
    from django.core.exceptions import PermissionDenied

    with pytest.raises(PermissionDenied):
        services.run_preview(actor=bob, cluster=cluster)


@pytest.mark.parametrize("state", ["ready", "failed"])
@pytest.mark.parametrize("end", ["succeeded", "failed", "cancelled"])
def test_a_recipe_that_makes_no_cluster_ready_leaves_its_state(
    cluster: Cluster, alice: User, forgotten: None, state: str, end: str
) -> None:
    """A backup of a half-installed cluster does not make it ready; a failed backup does not break a healthy one."""
    recipe("backup", "Back up", "os", summary="A copy.")
    run = services.run_start(actor=alice, cluster=in_state(cluster, state), recipe="backup")
    assert cluster.state == "working"
    recipe_ended(run, end)
    cluster.refresh_from_db()
    assert cluster.state == state


def test_another_answer_is_not_the_same_run(cluster: Cluster, alice: User, renew: Recipe) -> None:
    in_state(cluster, "ready")
    run = services.run_start(actor=alice, cluster=cluster, recipe="renew", answers={"days": 30})
    assert services.run_start(actor=alice, cluster=cluster, recipe="renew", answers={"days": "30"}) == run
    with pytest.raises(services.NotPossible, match="nothing else can start"):
        services.run_start(actor=alice, cluster=cluster, recipe="renew", answers={"days": 31})


def test_the_audit_has_the_answers(cluster: Cluster, alice: User, renew: Recipe) -> None:
    in_state(cluster, "ready")
    services.run_start(actor=alice, cluster=cluster, recipe="renew", answers={"days": 30, "machines": ["node2"]})
    entry = AuditEntry.objects.get(deed="run.start")
    assert entry.details["answers"] == {"days": 30, "machines": ["node2"]}


def test_a_worker_without_support_for_previews_refuses_one(cluster: Cluster, alice: User) -> None:
    """It would execute the recipe: it uses the run's document, its recipe, and the steps that the run names."""
    run = services.run_preview(actor=alice, cluster=cluster)
    with pytest.raises(PlanError, match="no step or phase"):
        make_plan(read_document(run.document), run.recipe, only=tuple(run.only))


def test_a_run_that_is_not_the_newest_is_not_tried_again(cluster: Cluster, alice: User) -> None:
    first = services.run_start(actor=alice, cluster=cluster)
    Run.objects.filter(pk=first.pk).update(state="failed")
    again = services.run_retry(actor=alice, run=first)
    Run.objects.filter(pk=again.pk).update(state="succeeded")
    with pytest.raises(services.NotPossible, match=f"Run {again.pk} is newer"):
        services.run_retry(actor=alice, run=first)


def test_a_preview_of_another_document_leaves_the_stored_one(cluster: Cluster, alice: User) -> None:
    before = cluster.document
    stored = services.document_of(cluster)
    other = stored.model_copy(update={"hosts": stored.hosts[:1]})
    run = services.run_preview(actor=alice, cluster=cluster, document=other)
    assert services.document_of(run) == other
    cluster.refresh_from_db()
    assert cluster.document == before
