"""A run is executed once, and ends with the true state."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from clusters.engine import events
from clusters.engine.executor import Outcome
from clusters.models import Run
from clusters.runs.claims.leases import abandon, claim_run, claimable
from clusters.runs.supervise import Handover, _sentence, supervise
from clusters.services import run_cancel

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from clusters.engine.plan import Plan

    MakeRun = Callable[..., Run]
    Engine = Callable[[str], None]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def engine(settings: Settings) -> Callable[[str], None]:
    """Selects the fake engine, and a lease that expires only when a test ends it."""
    settings.SLIPWAY_LEASE_SECONDS = 300
    settings.SLIPWAY_HEARTBEAT_SECONDS = 0.2

    def choose(name: str) -> None:
        settings.SLIPWAY_RUN_ON_MACHINES = f"tests.runs.fakes.{name}"

    return choose


def in_thread(deed: Callable[[], Any]) -> threading.Thread:
    def work() -> None:
        try:
            deed()
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def ends(thread: threading.Thread) -> None:
    thread.join(60)
    assert not thread.is_alive()


def wait_for(true: Callable[[], bool], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.02)


def kinds(run: Run) -> list[str]:
    return [f"{row.kind}:{row.data.get('state', '')}" for row in run.events.exclude(kind="output").order_by("seq")]


def assert_no_gap(run: Run) -> None:
    rows = list(run.events.order_by("seq"))
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    line = 1
    for row in rows:
        if row.line_count:
            assert row.first_line == line
            line += row.line_count


def test_a_run_succeeds_and_leaves_what_it_delivered(make_run: MakeRun, engine: Engine) -> None:
    engine("quick")
    run = supervise(make_run().pk, worker_name="one")
    assert run is not None
    assert run.state == "succeeded"
    assert run.lease_until is None
    assert run.finished_at is not None
    assert run.cluster.state == "ready"
    assert run.cluster.kubeconfig.startswith("apiVersion")
    assert kinds(run)[0] == "run:running"
    assert kinds(run)[-1] == "run:succeeded"
    assert run.last_line == 90
    assert "9 changed, 18 were already correct" in run.message
    assert_no_gap(run)


def test_no_secret_of_the_document_is_in_the_database(make_run: MakeRun, engine: Engine) -> None:
    engine("quick")
    supervise(make_run().pk, worker_name="one")
    with connection.cursor() as cursor:
        rows: list[object] = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            rows += cursor.fetchall()
    dump = "\n".join(map(str, rows))
    for secret in ("Qcloud@123", "Testing123", "Qcloud%40123", "UWNsb3VkQDEyMw", "VGVzdGluZzEyMw"):
        assert secret not in dump
    assert "line 9" in dump


def test_a_failed_step_is_reported_with_its_hint(make_run: MakeRun, engine: Engine) -> None:
    engine("fails")
    run = supervise(make_run().pk, worker_name="one")
    assert run is not None
    assert run.state == "failed"
    assert run.failures[0]["hint"] == "Make room."
    assert run.message == "os/prepare on node1: disk full"
    assert run.cluster.state == "failed"
    assert set(run.steps.values_list("state", flat=True)) == {"failed", "skipped"}


def test_a_known_error_ends_the_run_with_its_message(make_run: MakeRun, engine: Engine) -> None:
    engine("cannot")
    run = supervise(make_run().pk, worker_name="one")
    assert run is not None
    assert (run.state, run.message) == ("failed", "node1 does not answer")
    assert run.failures[0]["retryable"] is True


def test_a_bug_in_slipway_ends_the_run_and_shows_no_secret(
    make_run: MakeRun, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    engine("broken")
    run = supervise(make_run().pk, worker_name="one")
    assert run is not None
    assert run.state == "failed"
    assert "ZeroDivisionError" in run.message
    assert "Qcloud@123" not in run.message + str(run.failures) + caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_document_that_cannot_be_read_fails_the_run(make_run: MakeRun, engine: Engine) -> None:
    engine("quick")
    run = supervise(make_run(document="spec: [").pk, worker_name="one")
    assert run is not None
    assert run.state == "failed"
    assert "cannot be read" in run.message


def test_only_one_of_many_workers_gets_the_run(make_run: MakeRun, engine: Engine) -> None:
    engine("quick")
    for _ in range(5):
        run = make_run()
        start = threading.Barrier(4)
        got: list[Run | None] = []

        def race(number: int, pk: int = run.pk, start: threading.Barrier = start, got: list[Any] = got) -> None:
            start.wait()
            got.append(claim_run(pk, f"worker-{pk}-{number}"))

        threads = [in_thread(partial(race, number)) for number in range(4)]
        for thread in threads:
            thread.join()
        assert sum(one is not None for one in got) == 1
        Run.objects.filter(pk=run.pk).update(state="succeeded")


def test_a_run_with_a_living_worker_is_not_claimed(make_run: MakeRun) -> None:
    run = make_run()
    assert claim_run(run.pk, "one") is not None
    assert claim_run(run.pk, "two") is None
    assert not claimable().exists()


def test_a_cancel_ends_the_run_as_cancelled(make_run: MakeRun, engine: Engine) -> None:
    engine("endless")
    run = make_run()
    thread = in_thread(lambda: supervise(run.pk, worker_name="one"))
    wait_for(lambda: Run.objects.get(pk=run.pk).last_line > 0)
    run_cancel(actor=run.asked_by, run=run)
    assert Run.objects.get(pk=run.pk).state == "cancelling"
    ends(thread)
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert run.cancel_asked_by == run.asked_by
    assert kinds(run)[-1] == "run:cancelled"
    assert "run:cancelling" in kinds(run)
    assert set(run.steps.values_list("state", flat=True)) <= {"changed", "cancelled"}
    assert_no_gap(run)


def test_a_cancel_that_comes_too_late_does_not_undo_a_success(make_run: MakeRun, engine: Engine) -> None:
    engine("stubborn")
    run = make_run()
    thread = in_thread(lambda: supervise(run.pk, worker_name="one"))
    wait_for(lambda: Run.objects.get(pk=run.pk).state == "running")
    run_cancel(actor=run.asked_by, run=run)
    ends(thread)
    run.refresh_from_db()
    assert run.state == "succeeded"


def test_a_worker_that_lost_its_lease_stops_and_the_other_one_finishes(
    make_run: MakeRun, engine: Engine, settings: Settings
) -> None:
    engine("endless")
    run = make_run()
    ended: list[Run | None] = []
    thread = in_thread(lambda: ended.append(supervise(run.pk, worker_name="one")))
    wait_for(lambda: Run.objects.get(pk=run.pk).last_line > 0)
    settings.SLIPWAY_RUN_ON_MACHINES = "tests.runs.fakes.quick"
    # As if the first worker had been paused longer than its lease; at once, or its heartbeat would renew it.
    with transaction.atomic():
        Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        assert claim_run(run.pk, "two") is not None
    second = supervise(run.pk, worker_name="two")
    ends(thread)
    assert second is not None
    assert second.state == "succeeded"
    assert second.takeovers == 1
    assert "taken over" in str([row.data for row in second.events.filter(kind="run")])
    assert_no_gap(second)


def test_a_stopping_worker_releases_its_run_at_once(make_run: MakeRun, engine: Engine, settings: Settings) -> None:
    """Also with continuous heartbeats, which must not claim the released run again."""
    engine("endless")
    settings.SLIPWAY_HEARTBEAT_SECONDS = 0.001
    run = make_run()
    handover = Handover()
    thread = in_thread(lambda: supervise(run.pk, worker_name="one", handover=handover))
    wait_for(lambda: Run.objects.get(pk=run.pk).last_line > 0)
    handover.ask()
    ends(thread)
    run.refresh_from_db()
    assert run.state == "running"
    assert list(claimable()) == [run]
    settings.SLIPWAY_RUN_ON_MACHINES = "tests.runs.fakes.quick"
    again = supervise(run.pk, worker_name="two")
    assert again is not None
    assert again.state == "succeeded"
    assert_no_gap(again)


def test_runs_of_a_dead_process_need_not_wait_for_their_lease(make_run: MakeRun) -> None:
    run = make_run()
    claim_run(run.pk, "here:77:abc/1")
    assert abandon("here:7:") == 0
    assert not claimable().exists()
    assert abandon("here:77:") == 1
    assert list(claimable()) == [run]


def test_a_run_that_kills_every_worker_fails(make_run: MakeRun, engine: Engine) -> None:
    engine("quick")
    past = timezone.now() - timedelta(seconds=5)
    run = supervise(make_run(state="running", worker="x", lease_until=past, takeovers=10).pk, worker_name="one")
    assert run is not None
    assert run.state == "failed"
    assert "11 times" in run.message


def test_an_observer_in_this_process_sees_masked_events(make_run: MakeRun, engine: Engine) -> None:
    engine("quick")
    seen: list[events.Event] = []

    class Watcher:
        def emit(self, event: events.Event) -> None:
            seen.append(event)

    supervise(make_run().pk, worker_name="one", extra_sink=Watcher())
    assert len([event for event in seen if isinstance(event, events.Output)]) == 90
    assert "Testing123" not in str(seen)
    assert isinstance(seen[-1], events.RunChanged)
    assert not any(isinstance(event, events.Delivered) for event in seen)


def test_a_partial_attempt_executes_only_that_part(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    from clusters.runs import run_on_machines as module
    from tests.runs.fakes import Ended

    seen: list[str] = []

    def walked(plan: Plan, **_rest: Any) -> Ended:
        seen.extend(row.path for row in plan.steps)
        return Ended("succeeded", changed=1)

    monkeypatch.setattr(module, "execute_plan", walked)
    run = make_run(only=["precheck/time.skew", "os/swap"], part="step")
    run.cluster.state = "failed"
    run.cluster.save()
    supervise(run.pk, worker_name="part")
    run.refresh_from_db()
    run.cluster.refresh_from_db()
    assert run.state == "succeeded"
    assert seen == ["precheck/time.skew", "os/swap"]
    assert run.cluster.state != "ready"


def test_a_lease_from_before_the_clock_was_set_back_does_not_block(make_run: MakeRun) -> None:
    run = make_run(state="running", worker="dead", lease_until=timezone.now() + timedelta(hours=1))
    assert run in claimable()
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() + timedelta(seconds=20))
    assert run not in claimable()


@pytest.mark.parametrize(
    ("state", "unforeseen", "sentence"),
    [
        ("succeeded", 0, "Nothing was changed. 3 would change, 4 are correct already."),
        ("succeeded", 1, "Nothing was changed. 3 would change, 4 are correct already, 1 step is not known yet."),
        (
            "cancelled",
            2,
            "The preview was cancelled. 3 would change, 4 are correct already, 2 steps are not known yet.",
        ),
    ],
)
def test_the_sentence_of_a_preview_leaves_nothing_out(state: str, unforeseen: int, sentence: str) -> None:
    outcome = Outcome(state, same=4, changed=3, unforeseen=unforeseen)
    assert _sentence(outcome, preview=True) == sentence
