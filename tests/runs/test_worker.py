"""Workers as real processes: killed, stopped, and replaced by others without a gap in the log."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from clusters.models import Probe, Run
from clusters.runs.worker import Worker
from clusters.services import host_keys_accept, probes_start
from tests.processes import manage, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

    from clusters.models import Cluster

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]


def lines_of(run: Run) -> list[str]:
    return [line[2] for row in run.events.filter(kind="output").order_by("seq") for line in row.data["lines"]]


def assert_whole(run: Run) -> None:
    rows = list(run.events.order_by("seq"))
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    numbers = [row.first_line + place for row in rows for place in range(row.line_count)]
    assert numbers == list(range(1, run.last_line + 1))


def test_a_run_continues_after_kill_9_without_lost_or_duplicate_lines(make_run: Callable[..., Run]) -> None:
    run = make_run()
    with manage("work", SLIPWAY_RUN_ON_MACHINES="tests.runs.fakes.endless") as first:
        wait_for(lambda: Run.objects.get(pk=run.pk).last_line > 10, what="the first lines")
        first.kill()
        first.wait()
    run.refresh_from_db()
    seen = lines_of(run)
    assert run.state == "running"
    with manage("work", SLIPWAY_RUN_ON_MACHINES="tests.runs.fakes.quick"):
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, what="the end of the run")
    run.refresh_from_db()
    assert (run.state, run.takeovers) == ("succeeded", 1)
    assert_whole(run)
    after = lines_of(run)
    assert after[: len(seen)] == seen
    assert len({line.split()[1] for line in after}) == 2
    assert len(after[len(seen) :]) == 90


def test_a_stopped_worker_releases_its_run_to_the_next_one_at_once(make_run: Callable[..., Run]) -> None:
    run = make_run()
    with manage("work", SLIPWAY_RUN_ON_MACHINES="tests.runs.fakes.endless", SLIPWAY_LEASE_SECONDS="300") as first:
        wait_for(lambda: Run.objects.get(pk=run.pk).last_line > 0, what="the first lines")
        first.send_signal(signal.SIGTERM)
        assert first.wait(90) == 0
    with manage("work", SLIPWAY_RUN_ON_MACHINES="tests.runs.fakes.quick"):
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, what="the end of the run")
    run.refresh_from_db()
    assert run.state == "succeeded"
    assert_whole(run)


def test_connection_tests_continue_after_a_new_key_is_accepted(cluster: Cluster, settings: Settings) -> None:
    settings.SLIPWAY_PROBE = "tests.runs.fakes.gentle_probe"
    probes_start(actor=cluster.owner, cluster=cluster)
    _work_until(lambda: not Probe.objects.exclude(state="ask").exists())
    row = Probe.objects.get(host="node2")
    assert row.offered["fingerprint"] == "SHA256:node2"
    assert [stage["state"] for stage in row.stages] == ["ok", "ask", "skipped", "skipped", "skipped"]
    shown = {name: f"SHA256:{name}" for name in ("node1", "node2", "node3")}
    host_keys_accept(actor=cluster.owner, cluster=cluster, seen=shown)
    _work_until(lambda: not Probe.objects.exclude(state="ok").exists())
    row = Probe.objects.get(host="node3")
    assert row.facts == {"os_name": "Debian", "cpus": 4}
    assert row.finished_at is not None


def test_a_failed_connection_test_is_reported_without_the_password(
    cluster: Cluster, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SLIPWAY_PROBE = "tests.runs.fakes.rude_probe"
    probes_start(actor=cluster.owner, cluster=cluster, hosts=["node1"])
    _work_until(lambda: Probe.objects.filter(state="failed").exists())
    row = Probe.objects.get(host="node1")
    assert "Slipway itself failed" in row.stages[1]["message"]
    assert "Qcloud@123" not in str(row.stages) + caplog.text


def test_a_repeated_test_is_not_overwritten_by_the_old_one(cluster: Cluster, settings: Settings) -> None:
    from clusters.runs.jobs.probes import probe_row

    settings.SLIPWAY_PROBE = "tests.runs.fakes.slow_probe"
    probes_start(actor=cluster.owner, cluster=cluster, hosts=["node1"])
    pk = Probe.objects.get().pk
    Probe.objects.filter(pk=pk).update(state="running", worker="old")
    probes_start(actor=cluster.owner, cluster=cluster, hosts=["node1"])
    probe_row(pk, "old")
    row = Probe.objects.get(pk=pk)
    assert row.state == "waiting"
    assert {stage["state"] for stage in row.stages} == {"waiting"}


def _work_until(true: Callable[[], Any]) -> None:
    """Run a worker in this process until a condition is true."""
    import threading

    worker = Worker()
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        wait_for(true)
    finally:
        worker.stop()
        thread.join(90)
    assert not thread.is_alive()
