"""The queries: rights, the progress of a run, and its log."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import Http404
from django.utils import timezone

from clusters import selectors, services
from clusters.config.secret import Secret
from clusters.models import Event, Probe, Run, StepRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User

    from clusters.models import Cluster


def add_lines(run: Run, rows: list[tuple[str, str, list[str]]]) -> None:
    """Chunks with a step event between them, as in a real log."""
    seq, line = 0, 1
    for host, step, texts in rows:
        seq += 2
        Event.objects.create(run=run, seq=seq - 1, at=timezone.now(), kind="step", host=host, step=step)
        data = {"lines": [[1.0, "err" if "bad" in text else "out", text] for text in texts]}
        Event.objects.create(
            run=run,
            seq=seq,
            at=timezone.now(),
            kind="output",
            host=host,
            step=step,
            data=data,
            first_line=line,
            line_count=len(texts),
        )
        line += len(texts)
    Run.objects.filter(pk=run.pk).update(last_seq=seq, last_line=line - 1)


@pytest.fixture
def log(make_run: Callable[..., Run]) -> Run:
    run = make_run(state="running")
    hosts = ("node1", "node2")
    add_lines(run, [(hosts[n % 2], f"os/{n % 3}", [f"{n}-{k}" for k in range(10)]) for n in range(500)])
    return run


def numbers(lines: list[selectors.LogLine]) -> list[int]:
    return [line.number for line in lines]


def test_everyone_sees_their_own_and_administrators_everything(
    cluster: Cluster, alice: User, bob: User, admin: User, make_run: Callable[..., Run]
) -> None:
    run = make_run()
    assert selectors.cluster_for(alice, cluster.pk) == cluster
    assert selectors.run_for(admin, run.pk) == run
    assert not selectors.clusters_for(bob).exists()
    assert not selectors.clusters_for(AnonymousUser()).exists()
    for find, pk in ((selectors.cluster_for, cluster.pk), (selectors.run_for, run.pk)):
        with pytest.raises(Http404):
            find(bob, pk)


def test_lines_are_read_forwards_from_any_place(log: Run) -> None:
    assert numbers(selectors.log_lines(log, limit=5)) == [1, 2, 3, 4, 5]
    assert numbers(selectors.log_lines(log, after_line=2_344, limit=30)) == list(range(2_345, 2_375))
    assert selectors.log_lines(log, after_line=5_000) == []
    assert selectors.log_lines(log, after_line=2_344, limit=1)[0].text == "234-4"


def test_lines_are_read_backwards_from_any_place(log: Run) -> None:
    assert numbers(selectors.log_lines(log, before_line=5_001, limit=3)) == [4_998, 4_999, 5_000]
    assert numbers(selectors.log_lines(log, before_line=1_235, limit=30)) == list(range(1_205, 1_235))
    assert numbers(selectors.log_lines(log, before_line=3)) == [1, 2]


def test_lines_are_found_by_machine_step_stream_and_text(log: Run) -> None:
    assert {line.host for line in selectors.log_lines(log, host="node2")} == {"node2"}
    assert {line.step for line in selectors.log_lines(log, step="os/1", limit=50)} == {"os/1"}
    assert [line.text for line in selectors.log_lines(log, search="499-7")] == ["499-7"]
    assert numbers(selectors.log_lines(log, host="node1", after_line=100, limit=1)) == [101]
    assert selectors.log_lines(log, stream="err") == []


def test_a_search_ignores_case(make_run: Callable[..., Run]) -> None:
    run = make_run()
    add_lines(run, [("node1", "a/b", ["All good", "a BAD thing", "bad things"])])
    assert [line.text for line in selectors.log_lines(run, search="Bad")] == ["a BAD thing", "bad things"]
    assert [line.text for line in selectors.log_lines(run, stream="err")] == ["bad things"]


@pytest.mark.parametrize("needle", ['print "hi"', "C:\\temp", "100 %", "a_b", "ÄRGER", "é", "tab\there", "[ok]", "x'y"])
def test_a_search_finds_text_that_json_escapes(make_run: Callable[..., Run], needle: str) -> None:
    run = make_run()
    texts = [
        f"before {text} after"
        for text in ('print "hi"', "C:\\temp", "100 %", "a_b", "ärger", "É", "tab\there", "[ok]", "x'y")
    ]
    add_lines(run, [("node1", "a/b", ["nothing"]), ("node1", "a/b", texts), ("node1", "a/b", ["axb 100 x"])])
    found = [line.text for line in selectors.log_lines(run, search=needle)]
    assert found == [text for text in texts if needle.lower() in text.lower()]
    assert len(found) == 1


def test_a_failure_names_causes_that_fit() -> None:
    def titles(found: str, *lines: str) -> list[str]:
        return [str(cause.title) for cause in selectors.likely_causes({"found": found, "lines": list(lines)})]

    assert titles("write /var/lib: no space left on device") == ["The disk of the machine is full"]
    assert titles("exit code 1", "dial tcp 10.0.0.1:6443: connect: connection refused") == [
        "The machine, or a service on it, is unreachable"
    ]
    assert titles("[ERROR Port-10250]: Port 10250 is in use")[0] == "Another process listens on a required port"
    assert titles("the desired state was not reached") == []
    assert len(titles("x509 timed out no space left out of memory")) == 3


def test_the_same_finding_on_many_machines_is_listed_once(make_run: Callable[..., Run]) -> None:
    run = make_run()
    for seq, (host, weight) in enumerate([("n1", "warning"), ("n2", "warning"), ("n3", "error")], start=1):
        data = {"check": "hw.cpu", "severity": weight, "message": f"{host} has one processor.", "fix": "Add one."}
        Event.objects.create(run=run, seq=seq, at=timezone.now(), kind="finding", host=host, data=data)
    found = selectors.run_findings(run)
    assert [(one.severity, one.message, one.hosts) for one in found] == [
        ("error", "n3 has one processor.", ["n3"]),
        ("warning", "n1 has one processor.", ["n1", "n2"]),
    ]


def test_events_come_in_order_after_a_number(log: Run) -> None:
    assert [event.seq for event in selectors.events_after(log.pk, 998)] == [999, 1000]
    assert len(selectors.events_after(log.pk, 0, limit=7)) == 7


@pytest.fixture
def steps(make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run in the middle of its steps, at a fixed time, so that slow test machines make no difference."""
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    run = make_run(state="running", started_at=timezone.now() - timedelta(seconds=60))
    rows = [
        ("os/a", "node1", "changed", 10.0),
        ("os/a", "node2", "failed", 10.0),
        ("etcd/b", "node1", "running", 20.0),
        ("etcd/c", "node3", "waiting", 60.0),
    ]
    for position, (step, host, state, expected) in enumerate(rows):
        StepRun.objects.create(
            run=run,
            step=step,
            title=step.title(),
            phase=step.split("/")[0],
            position=position,
            host=host,
            state=state,
            expected=expected,
            same=1,
            started_at=timezone.now() - timedelta(seconds=10) if state == "running" else None,
        )
    return run


def test_a_summary_has_progress_and_times(steps: Run) -> None:
    summary = selectors.run_summary(steps)
    assert summary.percent == 20
    assert summary.elapsed == 60
    assert summary.eta_low is not None
    assert summary.eta_high is not None
    assert not summary.measured
    assert summary.eta_low == pytest.approx(36)
    assert summary.eta_high == pytest.approx(120)
    assert (summary.machines_ok, summary.machines_failed, summary.machines_waiting) == (0, 1, 2)
    assert summary.same == 4


def test_a_run_that_is_over_has_nothing_left(steps: Run) -> None:
    StepRun.objects.update(state="same")
    steps.state = "succeeded"
    summary = selectors.run_summary(steps)
    assert (summary.percent, summary.eta_low, summary.machines_ok) == (100, None, 3)


def test_a_failed_run_does_not_count_what_it_never_did(steps: Run) -> None:
    StepRun.objects.filter(state="running").update(state="cancelled")
    StepRun.objects.filter(state="waiting").update(state="skipped")
    steps.state = "failed"
    summary = selectors.run_summary(steps)
    assert summary.percent == 10
    assert (summary.machines_ok, summary.machines_failed, summary.machines_waiting) == (0, 1, 2)
    assert (summary.over, summary.steps) == (3, 4)


def test_the_time_left_follows_dependencies_and_measurements(steps: Run) -> None:
    steps.plan = [
        {"path": "os/a", "needs": [], "needs_all": [], "serial": False, "gate": False},
        {"path": "etcd/b", "needs": ["os/a"], "needs_all": [], "serial": False, "gate": False},
        {"path": "etcd/c", "needs": [], "needs_all": ["etcd/b"], "serial": False, "gate": False},
    ]
    StepRun.objects.update(measured=True)
    summary = selectors.run_summary(steps)
    assert summary.measured
    # Ten seconds are left of b on node1, then c on node3 takes a minute.
    assert summary.eta_low == pytest.approx(70 * 0.8)
    assert summary.eta_high == pytest.approx(70 * 1.5)


def test_the_progress_of_a_preview_counts_checks(steps: Run) -> None:
    steps.part = "preview"
    StepRun.objects.update(measured=True)
    StepRun.objects.filter(state="running").update(started_at=timezone.now() - timedelta(seconds=0.25))
    summary = selectors.run_summary(steps)
    # One of four checks is done, and half of another one.
    assert summary.percent == 37
    assert summary.eta_high == pytest.approx(0.5 * 2)
    assert not summary.measured


def test_a_silent_worker_is_reported(steps: Run) -> None:
    steps.lease_until = timezone.now() + timedelta(seconds=20)
    assert selectors.run_summary(steps).silent is None
    steps.lease_until = timezone.now() - timedelta(seconds=20)
    assert selectors.run_summary(steps).silent == 20


def test_a_run_without_a_plan_is_at_0_percent(make_run: Callable[..., Run]) -> None:
    summary = selectors.run_summary(make_run())
    assert (summary.percent, summary.elapsed, summary.eta_low) == (0, 0.0, None)
    assert selectors.run_grid(Run.objects.get()).hosts == []


def test_the_grid_has_a_place_for_every_step_on_every_machine(steps: Run) -> None:
    grid = selectors.run_grid(steps)
    assert [column.key for column in grid.columns] == ["node2", "node1", "node3"]
    assert [(phase.name, [row.step for row in phase.rows]) for phase in grid.phases] == [
        ("os", ["os/a"]),
        ("etcd", ["etcd/b", "etcd/c"]),
    ]
    assert [(phase.state, phase.over, phase.total) for phase in grid.phases] == [("failed", 2, 2), ("running", 0, 2)]
    cells = grid.phases[1].rows[0].cells
    assert cells[0] is None
    assert cells[1] is not None
    assert cells[1].state == "running"
    assert cells[1].seconds == 10
    assert not cells[1].late
    StepRun.objects.filter(state="running").update(started_at=timezone.now() - timedelta(seconds=71))
    late = selectors.run_grid(steps).phases[1].rows[0].cells[1]
    assert late is not None
    assert late.late


def test_three_hundred_machines_are_groups_that_open(make_run: Callable[..., Run]) -> None:
    hosts = "".join(f"  - {{name: n{n}, address: 10.9.{n // 250}.{n % 250 + 1}, password: x}}\n" for n in range(300))
    document = f"""apiVersion: kubekey.kubesphere.io/v1alpha2
kind: Cluster
metadata: {{name: big}}
spec:
  hosts:
{hosts}  roleGroups: {{etcd: [n0, n1, n2], master: [n0, n1, n2], worker: ["n[3:299]"]}}
"""
    run = make_run(state="failed", document=document)
    rows = [
        StepRun(run=run, step="os/a", title="A", phase="os", position=1, host=f"n{n}", seconds=n / 10, state="changed")
        for n in range(300)
    ]
    rows[77].state = "failed"
    rows[78].state = "running"
    StepRun.objects.bulk_create(rows)
    grid = selectors.run_grid(run)
    assert [(column.title, column.count) for column in grid.columns] == [
        ("n77", 1),
        ("etcd+control-plane", 3),
        ("worker", 296),
    ]
    cell = grid.phases[0].rows[0].cells[2]
    assert cell is not None
    assert cell.counts == (("running", 1), ("changed", 295))
    assert (cell.slowest, cell.longest) == ("n299", 29.9)
    opened = selectors.run_grid(run, "worker")
    assert [column.count for column in opened.columns] == [1, 3, *[25] * 11, 21]
    part = selectors.run_grid(run, opened.columns[4].key)
    assert len(part.columns) == 1 + 1 + 11 + 25
    assert sum(column.count for column in part.columns) == 300


def test_a_test_of_older_credentials_is_stale(cluster: Cluster, alice: User) -> None:
    assert {view.state for view in selectors.probes_of(cluster)} == {"untested"}
    services.probes_start(actor=alice, cluster=cluster)
    Probe.objects.update(state="ok")
    document = services.document_of(cluster)
    hosts = (document.hosts[0].model_copy(update={"password": Secret("new")}), *document.hosts[1:2])
    changed = document.model_copy(update={"hosts": hosts})
    cluster = services.draft_update(actor=alice, cluster=cluster, document=changed, version=1)
    assert [(view.host, view.stale, view.over) for view in selectors.probes_of(cluster)] == [
        ("node1", True, True),
        ("node2", False, True),
    ]
    assert not Probe.objects.filter(host="node3").exists()
