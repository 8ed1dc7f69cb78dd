"""The sink stores every event, in order, without gaps or secrets, whatever happens to the database."""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DataError, OperationalError, connection

from clusters.config.secret import MASK, Secret
from clusters.engine import events
from clusters.models import Event, Run, StepRun
from clusters.runs.events import sink as sink_module
from clusters.runs.events import store as store_module
from clusters.runs.events.sink import DatabaseSink

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(make_run: Callable[..., Run]) -> Run:
    return make_run(state="running", worker="me")


def lines_of(run: Run) -> list[str]:
    return [line[2] for row in run.events.filter(kind="output").order_by("seq") for line in row.data["lines"]]


def say(text: str, host: str = "node1", step: str = "os/prepare", **more: Any) -> events.Output:
    return events.Output(text=text, host=host, step=step, **more)


def plan(*hosts: str) -> events.PlanMade:
    return events.PlanMade(
        steps=[
            {"path": "os/prepare", "title": "Prepare", "phase": "os", "hosts": list(hosts), "expected": 4.0},
            {"path": "etcd/start", "title": "Start etcd", "phase": "etcd", "hosts": [hosts[0]]},
        ]
    )


def test_events_are_numbered_without_gaps_and_lines_come_in_chunks(run: Run) -> None:
    sink = DatabaseSink(run)
    sink.emit(plan("node1"))
    for number in range(150):
        sink.emit(say(f"line {number}"))
    assert sink.close()
    rows = list(run.events.order_by("seq"))
    run.refresh_from_db()
    assert [row.seq for row in rows] == [1, 2, 3, 4]
    assert [row.line_count for row in rows] == [0, 64, 64, 22]
    assert [row.first_line for row in rows] == [0, 1, 65, 129]
    assert (run.last_seq, run.last_line) == (4, 150)
    assert lines_of(run) == [f"line {number}" for number in range(150)]


def test_a_takeover_continues_the_numbers_of_the_database(make_run: Callable[..., Run]) -> None:
    run = make_run(state="running", worker="me", last_seq=7, last_line=90)
    sink = DatabaseSink(run)
    sink.emit(say("again"))
    assert sink.close()
    row = run.events.get()
    assert (row.seq, row.first_line) == (8, 91)


def test_lines_of_parallel_machines_keep_their_order(run: Run) -> None:
    sink = DatabaseSink(run)

    def talk(host: str) -> None:
        for number in range(2_000):
            sink.emit(say(str(number), host=host))

    threads = [threading.Thread(target=talk, args=(f"node{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sink.close()
    rows = list(run.events.order_by("seq"))
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    for host in ("node0", "node1", "node2", "node3"):
        said = [line[2] for row in rows if row.host == host for line in row.data["lines"]]
        assert said == [str(number) for number in range(2_000)]
    run.refresh_from_db()
    assert run.last_line == 8_000


def test_a_failure_comes_after_the_lines_that_led_to_it(run: Run) -> None:
    sink = DatabaseSink(run)
    sink.emit(say("cannot open"))
    sink.emit(say("another machine", host="node2"))
    sink.emit(events.Failed(host="node1", step="os/prepare", expected="a disk", found="none"))
    sink.emit(say("after"))
    assert sink.close()
    kinds = [(row.kind, row.host) for row in run.events.order_by("seq")]
    assert kinds.index(("failure", "node1")) > kinds.index(("output", "node1"))
    run.refresh_from_db()
    assert run.failures[0]["expected"] == "a disk"
    assert run.failures[0]["host"] == "node1"


def test_steps_follow_the_plan_and_their_events(run: Run) -> None:
    sink = DatabaseSink(run)
    sink.emit(plan("node1", "node2"))
    sink.emit(events.StepChanged(host="node1", step="os/prepare", state="running"))
    assert sink.flush()
    assert StepRun.objects.get(run=run, host="node1", step="os/prepare").started_at is not None
    sink.emit(events.StepChanged(host="node1", step="os/prepare", state="changed", seconds=2.5, same=3, changed=2))
    sink.emit(events.StepChanged(host="node9", step="extra/step", state="same"))
    assert sink.close()
    done = StepRun.objects.get(run=run, host="node1", step="os/prepare")
    assert (done.state, done.seconds, done.same, done.changed, done.expected) == ("changed", 2.5, 3, 2, 4.0)
    assert StepRun.objects.get(run=run, host="node2").state == "waiting"
    assert StepRun.objects.get(run=run, host="node9").position == 2


def test_an_uncut_part_stays_with_its_step_until_it_ends_or_the_plan_changes(run: Run) -> None:
    def parts() -> list[tuple[str, str]]:
        return list(StepRun.objects.exclude(uncut="").values_list("host", "uncut"))

    def began(host: str) -> events.Uncut:
        return events.Uncut(host=host, step="os/prepare", what="joining etcd")

    sink = DatabaseSink(run)
    for event in (plan("node1", "node2"), began("node1"), began("node2")):
        sink.emit(event)
    sink.flush()
    assert sorted(parts()) == [("node1", "joining etcd"), ("node2", "joining etcd")]
    since = StepRun.objects.get(step="os/prepare", host="node1").uncut_since
    assert since == run.events.filter(kind="uncut", host="node1").get().at
    sink.emit(events.Uncut(host="node1", step="os/prepare", what="joining etcd", over=True))
    sink.flush()
    assert parts() == [("node2", "joining etcd")]
    sink.emit(plan("node1", "node2"))  # as of a worker that took over from one that was killed
    assert sink.close()
    assert parts() == []


def test_no_secret_reaches_the_database_in_any_form(run: Run) -> None:
    sink = DatabaseSink(run, secrets=[Secret("p'ss w/rd&1")])
    sink.emit(say("password is p'ss w/rd&1"))
    sink.emit(say("p%27ss%20w%2Frd%261 cCdzcyB3L3JkJjE= 'p'\"'\"'ss w/rd&1'"))
    sink.emit(say("p'ss\0 w/rd&1"))
    sink.emit(say("token abcdef.0123456789abcdef"))
    sink.emit(events.SecretMade(content=Secret("abcdef.0123456789abcdef")))
    sink.emit(events.Failed(expected="x", lines=["kubeadm join --token abcdef.0123456789abcdef"]))
    sink.emit(events.StepChanged(host="node1", step="a/b", state="failed", message="with p'ss w/rd&1"))
    assert sink.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM clusters_event")
        stored = " ".join(row[0] for row in cursor.fetchall())
    stored += str(StepRun.objects.values_list("message", flat=True)[0]) + str(Run.objects.get(pk=run.pk).failures)
    for form in ("w/rd", "w%2Frd", "cCdzcyB3", "0123456789abcdef"):
        assert form not in stored
    assert "secret" not in {row.kind for row in run.events.all()}


def test_the_kubeconfig_is_stored_encrypted_and_never_as_an_event(run: Run) -> None:
    text = "apiVersion: v1\nusers:\n- user:\n    client-key-data: LS0tLS1CRUdJTiBSU0E=\n"
    sink = DatabaseSink(run)
    sink.emit(events.Delivered(name="kubeconfig", content=Secret(text)))
    sink.emit(events.Observed(topic="nodes", values=[{"name": "node1", "ready": True}]))
    sink.emit(say("apiVersion: v1 client-key-data: LS0tLS1CRUdJTiBSU0E="))
    assert sink.close()
    run.cluster.refresh_from_db()
    assert run.cluster.kubeconfig == text
    assert run.cluster.nodes == [{"name": "node1", "ready": True}]
    with connection.cursor() as cursor:
        cursor.execute("SELECT kubeconfig FROM clusters_cluster")
        assert "apiVersion" not in cursor.fetchone()[0]
    assert run.events.get(kind="delivered").data == {"name": "kubeconfig"}
    assert lines_of(run)[0].startswith("apiVersion: v1")
    assert "LS0tLS1C" not in lines_of(run)[0]


def test_a_locked_database_loses_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []
    real = store_module.store

    def locked(*args: Any) -> None:
        tries.append(1)
        if len(tries) < 4:
            raise OperationalError("database is locked")
        real(*args)

    monkeypatch.setattr(sink_module, "store", locked)
    sink = DatabaseSink(run)
    for number in range(10):
        sink.emit(say(str(number)))
    assert sink.close()
    assert len(tries) == 4
    assert lines_of(run) == [str(number) for number in range(10)]


def test_a_commit_without_confirmation_is_not_written_twice(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    real = store_module.store
    calls = []

    def breaks_after_the_commit(*args: Any) -> None:
        real(*args)
        calls.append(1)
        if len(calls) == 1:
            raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(sink_module, "store", breaks_after_the_commit)
    sink = DatabaseSink(run)
    sink.emit(say("once"))
    assert sink.close()
    assert lines_of(run) == ["once"]


def test_an_unreachable_database_makes_emit_wait(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    away = threading.Event()
    away.set()
    real = store_module.store

    def store(*args: Any) -> None:
        if away.is_set():
            raise OperationalError("no route to the database")
        real(*args)

    monkeypatch.setattr(sink_module, "store", store)
    monkeypatch.setattr(sink_module, "WAITING_EVENTS", 50)
    sink = DatabaseSink(run)

    def talk() -> None:
        for number in range(500):
            sink.emit(say(str(number)))

    talker = threading.Thread(target=talk)
    talker.start()
    talker.join(0.5)
    assert talker.is_alive()
    away.clear()
    talker.join(10)
    assert not talker.is_alive()
    assert sink.close()
    assert lines_of(run) == [str(number) for number in range(500)]


@pytest.mark.parametrize("refused", [True, False])
def test_a_long_outage_is_logged_with_its_cause(run: Run, monkeypatch: pytest.MonkeyPatch, refused: bool) -> None:
    real = store_module.store
    tries: list[int] = []

    def store(*args: Any) -> None:
        tries.append(1)
        if len(tries) == 1:
            time.sleep(0.3)
            if refused:
                raise OperationalError("database is locked")
        real(*args)

    monkeypatch.setattr(sink_module, "store", store)
    monkeypatch.setattr(sink_module, "LOGGED_OUTAGE_SECONDS", 0.2)
    sink = DatabaseSink(run)
    sink.emit(say("before"))
    sink.flush()
    assert sink.close()
    said = [line for line in lines_of(run) if line.startswith("Nothing was stored for")]
    assert said
    assert ("the database was unavailable" in said[0]) == refused


def test_an_event_that_cannot_be_stored_becomes_a_note(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    real = store_module.store

    def refuses(run_id: int, worker: str, before: int, batch: Any, ending: Any) -> None:
        if any(row.kind == "finding" for row in batch.rows):
            raise DataError("value out of range")
        real(run_id, worker, before, batch, ending)

    monkeypatch.setattr(sink_module, "store", refuses)
    sink = DatabaseSink(run)
    sink.emit(say("before"))
    sink.emit(events.Observed(topic="facts", values={"what": object()}))
    sink.emit(events.CheckFound(check="x"))
    sink.emit(say("nul\0 and half \ud800 of a pair"))
    sink.emit(events.Observed(topic="facts", values={"load": float("nan")}))
    assert sink.close()
    said = lines_of(run)
    assert said[0] == "before"
    assert "'observed' could not be stored" in said[1]
    assert "'finding' could not be stored" in said[2]
    assert said[3] == "nul and half ? of a pair"
    assert run.events.get(kind="observed").data["values"] == {"load": None}
    assert list(run.events.order_by("seq").values_list("seq", flat=True)) == [1, 2, 3, 4, 5]


def test_a_worker_that_lost_the_run_stops_writing(run: Run) -> None:
    told: list[str] = []
    sink = DatabaseSink(run, on_lost=told.append)
    sink.emit(say("mine"))
    assert sink.flush()
    Run.objects.filter(pk=run.pk).update(worker="other")
    sink.emit(say("too late"))
    assert not sink.close()
    assert lines_of(run) == ["mine"]
    assert len(told) == 1
    assert not sink.finish(events.RunChanged(state="succeeded"), state="succeeded")
    run.refresh_from_db()
    assert run.state == "running"


def test_the_end_of_the_run_is_stored_with_its_last_event(run: Run) -> None:
    sink = DatabaseSink(run)
    sink.emit(plan("node1"))
    sink.emit(events.StepChanged(host="node1", step="os/prepare", state="running"))
    assert sink.finish(
        events.RunChanged(state="failed", message="No."), state="failed", message="No.", lease_until=None
    )
    run.refresh_from_db()
    run.cluster.refresh_from_db()
    assert (run.state, run.message, run.last_seq) == ("failed", "No.", 3)
    assert run.cluster.state == "failed"
    assert set(run.steps.values_list("step", "state")) == {("os/prepare", "cancelled"), ("etcd/start", "skipped")}


def test_a_line_longer_than_a_frame_is_split(run: Run) -> None:
    sink = DatabaseSink(run)
    sink.emit(say("x" * 100_000))
    assert sink.close()
    assert "".join(lines_of(run)) == "x" * 100_000
    assert all(len(str(row.data)) < 60_000 for row in run.events.all())
    run.refresh_from_db()
    assert run.last_line == sum(row.line_count for row in run.events.all())


def test_no_terminal_code_is_stored(run: Run) -> None:
    sink = DatabaseSink(run, secrets=[Secret("Geheim\x1b[1m-123")])
    sink.emit(plan("node1"))
    sink.emit(say("\x1b[0;32m[init]\x1b[0m\tdone\n\x1b]0;title\x0710%\rü 20%\r"))
    sink.emit(say("Geh\x1b[32meim-1\x1b[0m23"))
    sink.emit(events.WantSeen(host="node1", step="os/prepare", what="it is", diff="-\x1b[31ma\x1b[0m\n+b"))
    sink.emit(
        events.Failed(
            host="node1", step="os/prepare", found="\x1b[31mno\x1b[0m", lines=["\x1b[1mE\x1b[0m"], hint="\x07x"
        )
    )
    sink.emit(events.StepChanged(host="node1", step="os/prepare", state="failed", message="\x1b[31mno\x1b[0m"))
    assert sink.finish(events.RunChanged(state="failed", message="\x1b[31mno\x1b[0m"), state="failed")
    run.refresh_from_db()
    kept = [*run.events.values_list("data", flat=True), run.failures, run.message, *run.steps.values_list("message")]
    assert lines_of(run) == ["[init]\tdone", "ü 20%", MASK]
    assert (run.failures[0]["found"], run.failures[0]["lines"], run.failures[0]["hint"]) == ("no", ["E"], "x")
    assert run.events.get(kind="want").data["diff"] == "-a\n+b"
    assert not re.search(r"\\u00[01][0-8b-f]", json.dumps(kept).replace("\\n", "").replace("\\t", ""))


@pytest.mark.thorough
def test_twenty_thousand_lines_a_second_are_stored(run: Run) -> None:
    sink = DatabaseSink(run, secrets=[Secret(f"Secret-of-node{number}!") for number in range(10)])
    lines = [
        say("2026-01-01T00:00:00 pulling layer 0123456789abcdef of the image", host=f"node{n % 3}")
        for n in range(40_000)
    ]
    began = time.process_time()
    for line in lines:
        sink.emit(line)
    assert sink.close()
    took = time.process_time() - began
    assert Event.objects.filter(run=run).count() < len(lines) / 20
    began = time.process_time()
    for line in lines:
        json.loads(json.dumps(asdict(line)))
    alone = time.process_time() - began
    print(f"{took / alone:.2f} times the processor time of writing and reading each line as JSON ({alone:.2f} s)")
    assert took < 3 * alone
