"""Tests of the run pages: rights, a log without gaps, and buttons."""

from __future__ import annotations

import io
import json
import re
import zipfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync
from django.urls import reverse
from django.utils import timezone

from clusters.models import AuditEntry, Cluster, Event, Run, StepRun
from clusters.runs.supervise import supervise
from clusters.selectors import run_facts, run_timeline
from tests.runs.fakes import KEY_DATA, forms_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from django.test import Client
    from pytest_django import Settings

TABS = ("run", "run-timeline", "run-plan", "run-facts", "run-summary")
FILES = ("run-log-text", "run-log-events", "run-bundle")
PARTS = (*TABS, "run-header", "run-grid", "run-log", "run-log-hits", *FILES)
BUTTONS = ("run-cancel", "run-retry", "run-waive")


@pytest.fixture
def page(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def run(make_run: Callable[..., Run]) -> Run:
    """A run with 30 lines in three chunks, on two machines."""
    made = make_run(state="running", started_at=timezone.now(), last_seq=4, last_line=30)
    StepRun.objects.create(run=made, step="os/prepare", title="Prepare", phase="os", position=1, host="node1")
    Event.objects.create(run=made, seq=1, at=timezone.now(), kind="run", data={"state": "running"})
    for chunk in range(3):
        texts = [f"line {number}" for number in range(chunk * 10 + 1, chunk * 10 + 11)]
        Event.objects.create(
            run=made, seq=chunk + 2, at=timezone.now(), kind="output", host=f"node{chunk % 2 + 1}", step="os/prepare",
            data={"lines": [[1700000000.5, "out", text] for text in texts]},
            first_line=chunk * 10 + 1, line_count=10,
        )  # fmt: skip
    return made


def content_of(answer: Any) -> bytes:
    """The content of a download."""

    async def gather() -> bytes:
        return b"".join([part async for part in answer.streaming_content])

    found: bytes = async_to_sync(gather)()
    return found


def log(page: Client, run: Run, **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = page.get(reverse("run-log", args=[run.pk]), query).json()
    return found


@pytest.mark.parametrize("name", PARTS)
def test_other_users_do_not_learn_that_a_run_exists(client: Client, bob: User, run: Run, name: str) -> None:
    client.force_login(bob)
    assert client.get(reverse(name, args=[run.pk])).status_code == 404


@pytest.mark.parametrize("name", BUTTONS)
def test_other_users_cannot_press_buttons(client: Client, bob: User, run: Run, name: str) -> None:
    client.force_login(bob)
    assert client.post(reverse(name, args=[run.pk])).status_code == 404
    run.refresh_from_db()
    assert run.state == "running"
    assert Run.objects.count() == 1


@pytest.mark.parametrize("name", BUTTONS)
def test_a_link_presses_no_button(page: Client, run: Run, name: str) -> None:
    assert page.get(reverse(name, args=[run.pk])).status_code == 405


@pytest.mark.parametrize("name", [*TABS, "run-header", "run-grid"])
@pytest.mark.parametrize("state", Run.State.values)
def test_every_state_has_its_page_without_secrets(page: Client, run: Run, name: str, state: str) -> None:
    failures = [{"host": "node1", "step": "os/prepare", "expected": "2 GB", "found": "1 GB", "lines": ["a", "b"]}]
    Run.objects.filter(pk=run.pk).update(state=state, failures=failures if state == "failed" else [])
    answer = page.get(reverse(name, args=[run.pk]))
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "Qcloud@123" not in text
    assert "Testing123" not in text
    if name != "run-summary":
        assert ("Prepare" in text) if name == "run-grid" else (f'data-state="{state}"' in text)


def test_a_failure_shows_expected_found_and_a_hint(page: Client, run: Run) -> None:
    failure = {"host": "node1", "step": "os/prepare", "expected": "2 GB free", "found": "<b>full</b>",
               "lines": ["no space left"], "hint": "Make room.", "retryable": False}  # fmt: skip
    Run.objects.filter(pk=run.pk).update(state="failed", failures=[failure])
    text = page.get(reverse("run-header", args=[run.pk])).content.decode()
    for said in ("2 GB free", "&lt;b&gt;full&lt;/b&gt;", "no space left", "Make room.", "node1", "Prepare"):
        assert said in text
    assert reverse("run-retry", args=[run.pk]) in text


def test_a_successful_run_offers_the_kubeconfig(page: Client, run: Run, cluster: Cluster) -> None:
    Cluster.objects.filter(pk=cluster.pk).update(kubeconfig="kind: Config\n", nodes=[{"name": "node1", "ready": True}])
    Run.objects.filter(pk=run.pk).update(state="succeeded")
    text = page.get(reverse("run", args=[run.pk])).content.decode()
    assert 'id="download-kubeconfig"' in text
    assert "kind: Config" not in text


def test_a_failed_step_is_retried_alone_or_with_later_steps(page: Client, run: Run) -> None:
    failure = {"host": "node1", "step": "etcd/start", "found": "connection refused"}
    StepRun.objects.create(run=run, step="os/swap", phase="os", position=2, host="node1", state="same")
    Run.objects.filter(pk=run.pk).update(state="failed", failures=[failure])
    text = page.get(reverse("run-header", args=[run.pk])).content.decode()
    for said in ("Retry from here", "Retry this step", "is unreachable", reverse("run-bundle", args=[run.pk])):
        assert said in text
    assert "Waive this precheck" not in text
    for field, part in (("step", "step"), ("from", "rest")):
        answer = page.post(reverse("run-retry", args=[run.pk]), {field: "etcd/start"})
        again = Run.objects.latest("pk")
        assert answer["Location"] == reverse("run", args=[again.pk])
        assert again.part == part
        again.delete()
    refused = page.post(reverse("run-retry", args=[run.pk]), {"step": "os/gone"}, follow=True)
    assert "no longer has a step os/gone" in refused.content.decode()


def test_acknowledged_findings_are_among_the_facts(page: Client, run: Run) -> None:
    at = "2026-01-02T10:00:00+00:00"
    known = {
        "key": "x:1",
        "id": "etcd.even_count",
        "severity": "error",
        "text": "<b>2 members</b>",
        "by": "carol",
        "at": at,
    }
    Run.objects.filter(pk=run.pk).update(acknowledged=[known], waivers=["etcd.even_count", "os.swap_off"])
    for name in ("run-facts", "run-summary"):
        text = page.get(reverse(name, args=[run.pk])).content.decode().split('id="answered-title"')[1]
        for said in ("&lt;b&gt;2 members&lt;/b&gt;", "etcd.even_count", "carol", at[:10], "os.swap_off", "Named when"):
            assert said in text


def test_a_precheck_is_waived_only_with_a_reason_that_is_shown(page: Client, run: Run) -> None:
    failures = [{"host": "node1", "step": "precheck/time.skew", "found": "41 s ahead"}]
    Run.objects.filter(pk=run.pk).update(state="failed", failures=failures)
    assert "Waive this precheck" in page.get(reverse("run-header", args=[run.pk])).content.decode()
    address = reverse("run-waive", args=[run.pk])
    refused = page.post(address, {"check": "time.skew", "reason": ""}, follow=True)
    assert "A reason is required" in refused.content.decode()
    assert Run.objects.count() == 1
    accepted = page.post(address, {"check": "time.skew", "reason": "a lab <b>without</b> NTP"}, follow=True)
    text = accepted.content.decode()
    assert "alice waived it, because “a lab &lt;b&gt;without&lt;/b&gt; NTP”" in text


def test_cancelling_asks_the_run_to_stop(page: Client, run: Run) -> None:
    assert page.post(reverse("run-cancel", args=[run.pk]))["Location"] == reverse("run", args=[run.pk])
    run.refresh_from_db()
    assert run.state == "cancelling"


def test_retrying_makes_another_run_and_shows_it(page: Client, run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(state="failed")
    answer = page.post(reverse("run-retry", args=[run.pk]))
    again = Run.objects.exclude(pk=run.pk).get()
    assert again.attempt == run.attempt + 1
    assert answer["Location"] == reverse("run", args=[again.pk])
    assert reverse("run", args=[again.pk]) in page.get(reverse("run-header", args=[run.pk])).content.decode()


def test_the_log_starts_with_the_newest_lines_and_the_next_number(page: Client, run: Run) -> None:
    found = log(page, run, limit=12)
    assert [row[0] for row in found["lines"]] == list(range(19, 31))
    assert found["lines"][-1][1:] == [1700000000.5, "node1", "os/prepare", "out", "line 30"]
    assert (found["last_seq"], found["last_line"], found["older"]) == (4, 30, True)


def test_lines_written_after_the_run_was_read_are_left_to_the_socket(page: Client, run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(last_seq=3, last_line=20)
    found = log(page, run)
    assert [row[0] for row in found["lines"]] == list(range(1, 21))
    assert [row[0] for row in log(page, run, before=28, limit=3)["lines"]] == [18, 19, 20]


def test_older_lines_come_without_gap_or_repetition(page: Client, run: Run) -> None:
    seen: list[int] = []
    before: dict[str, int] = {}
    for _ in range(10):
        found = log(page, run, limit=7, **before)
        seen = [row[0] for row in found["lines"]] + seen
        if not found["older"]:
            break
        before = {"before": seen[0]}
    assert seen == list(range(1, 31))


def test_a_line_is_shown_among_its_neighbors(page: Client, run: Run) -> None:
    found = log(page, run, around=15, limit=6)
    assert [row[0] for row in found["lines"]] == [12, 13, 14, 15, 16, 17]
    assert (found["older"], found["newer"]) == (True, True)
    found = log(page, run, around=29, limit=6)
    assert [row[0] for row in found["lines"]] == [26, 27, 28, 29, 30]
    assert (found["older"], found["newer"]) == (True, False)
    assert [row[0] for row in log(page, run, around=999, limit=6)["lines"]] == [28, 29, 30]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"host": "node2"}, list(range(11, 21))),
        ({"search": "LINE 3"}, [3, 30]),
        ({"search": r"LINE 3\d?$", "regex": "yes"}, [3, 30]),
        ({"search": r"line [12]$", "regex": "yes", "before": 3, "limit": 1}, [2]),
        ({"search": r"line [12]$", "regex": "no"}, []),
        ({"step": "etcd/start"}, []),
        ({"stream": "err"}, []),
        ({"after": 28}, [29, 30]),
        ({"before": 3}, [1, 2]),
    ],
)
def test_the_log_is_filtered_by_the_server(page: Client, run: Run, query: dict[str, Any], numbers: list[int]) -> None:
    assert [row[0] for row in log(page, run, **query)["lines"]] == numbers


def test_an_invalid_regular_expression_is_refused_with_a_message(page: Client, run: Run) -> None:
    answer = page.get(reverse("run-log", args=[run.pk]), {"search": "line (", "regex": "yes"})
    assert answer.status_code == 400
    assert "Invalid regular expression: " in answer.content.decode()


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "9" * 40, "²"])
def test_an_invalid_line_number_is_refused(page: Client, run: Run, value: str) -> None:
    assert page.get(reverse("run-log", args=[run.pk]), {"before": value}).status_code == 400


def test_the_log_as_a_file_has_every_line_once(page: Client, run: Run) -> None:
    answer = page.get(reverse("run-log-text", args=[run.pk]))
    text = content_of(answer).decode()
    assert "attachment" in answer["Content-Disposition"]
    assert [int(number) for number in re.findall(r"line (\d+)$", text, re.MULTILINE)] == list(range(1, 31))
    assert text.startswith("2023-11-14T22:13:20Z node1 line 1\n")


def test_the_log_without_times_is_the_output(page: Client, run: Run) -> None:
    Event.objects.filter(run=run, seq=2).update(
        data={"lines": [[1.0, "out", "\x1b[32mgreen\x1b[0m <b>"]]}, line_count=1
    )
    text = content_of(page.get(reverse("run-log-text", args=[run.pk]), {"times": "no"})).decode()
    assert text.startswith("green <b>\nline 11\n")


def test_the_events_as_a_file_are_one_json_object_a_line(page: Client, run: Run) -> None:
    answer = page.get(reverse("run-log-events", args=[run.pk]))
    rows = [json.loads(line) for line in content_of(answer).decode().splitlines()]
    assert [row["seq"] for row in rows] == [1, 2, 3, 4]
    assert rows[0]["data"] == {"state": "running"}


def test_color_codes_are_removed_from_stored_lines(page: Client, run: Run) -> None:
    Event.objects.filter(run=run, seq=2).update(data={"lines": [[1.0, "out", "\x1b[32mgreen\x1b[0m"]]}, line_count=1)
    Run.objects.filter(pk=run.pk).update(failures=[{"found": "\x1b[31mno\x1b[0m", "lines": ["\x1b[1mE"]}])
    rows = content_of(page.get(reverse("run-log-events", args=[run.pk]))).decode().splitlines()
    assert json.loads(rows[1])["data"]["lines"] == [[1.0, "out", "green"]]
    bundle = zipfile.ZipFile(io.BytesIO(content_of(page.get(reverse("run-bundle", args=[run.pk])))))
    for name in bundle.namelist():
        assert b"\\u001b" not in bundle.read(name) and b"\x1b" not in bundle.read(name)
    assert json.loads(bundle.read("run.json"))["failures"] == [{"found": "no", "lines": ["E"]}]


@pytest.mark.django_db(transaction=True)
def test_a_support_bundle_has_everything_except_secrets(
    page: Client, make_run: Callable[..., Run], settings: Settings
) -> None:
    settings.SLIPWAY_RUN_ON_MACHINES = "tests.runs.fakes.leaky"
    run = make_run()
    supervise(run.pk, worker_name="leaky")
    answer = page.get(reverse("run-bundle", args=[run.pk]))
    bundle = zipfile.ZipFile(io.BytesIO(content_of(answer)))
    names = {"README.txt", "document.yaml", "run.json", "plan.json", "steps.json", "facts.json", "findings.json"}
    assert set(bundle.namelist()) == {*names, "events.jsonl", "log.txt", "versions.json"}
    whole = "\n".join(f"{name} {bundle.read(name).decode()}" for name in bundle.namelist())
    secrets = ("Qcloud@123", "Testing123", "abcdef.0123456789abcdef", KEY_DATA)
    assert [form for secret in secrets for form in forms_of(secret) if form in whole] == []
    pages = "".join(page.get(reverse(name, args=[run.pk])).content.decode() for name in (*TABS, "run-header"))
    assert [form for secret in secrets for form in forms_of(secret) if form in pages] == []
    assert "node1" in bundle.read("document.yaml").decode()
    assert json.loads(bundle.read("run.json"))["state"] == "failed"
    assert "Django" in json.loads(bundle.read("versions.json"))
    assert len(bundle.read("events.jsonl").splitlines()) == Run.objects.get(pk=run.pk).last_seq
    assert AuditEntry.objects.filter(deed="run.bundle").count() == 1


def test_the_timeline_lists_the_critical_path(page: Client, run: Run) -> None:
    began = timezone.now()
    row = {"needs": [], "needs_all": [], "serial": False, "gate": False}
    plan = [{**row, "path": "os/prepare"}, {**row, "path": "etcd/start", "needs_all": ["os/prepare"]}]
    Run.objects.filter(pk=run.pk).update(state="succeeded", started_at=began, plan=plan)
    StepRun.objects.all().delete()
    rows = (("os/prepare", "node1", 0, 5), ("os/prepare", "node2", 0, 30), ("etcd/start", "node1", 31, 9))
    for position, (step, host, start, seconds) in enumerate(rows):
        at = began + timedelta(seconds=start)
        StepRun.objects.create(run=run, step=step, title=step.upper(), phase="x", position=position, host=host,
                               state="changed", started_at=at, seconds=seconds)  # fmt: skip
    found = run_timeline(Run.objects.get(pk=run.pk))
    assert [(bar.step, bar.host) for bar in found.chain] == [("os/prepare", "node2"), ("etcd/start", "node1")]
    assert found.chain[1].waited_for == ("OS/PREPARE", "node2")
    text = page.get(reverse("run-timeline", args=[run.pk])).content.decode()
    assert '<svg class="timeline"' in text
    assert "waited for OS/PREPARE on node2" in text
    part = page.get(reverse("run-timeline", args=[run.pk]), headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert '<svg class="timeline"' in part
    report = page.get(reverse("run-summary", args=[run.pk])).content.decode()
    assert '<svg class="timeline"' in report
    assert "waited for OS/PREPARE on node2" in report


def test_the_prechecks_of_a_machine_are_one_bar_that_names_the_slowest(page: Client, run: Run) -> None:
    began = timezone.now()
    gate = {"needs": [], "needs_all": [], "serial": False, "gate": True}
    paths = [f"precheck/check.{number}" for number in range(25)]
    plan = [*({**gate, "path": path} for path in paths), {**gate, "path": "os/prepare", "gate": False}]
    Run.objects.filter(pk=run.pk).update(state="succeeded", started_at=began, plan=plan)
    StepRun.objects.all().delete()
    for host in ("node1", "node2"):
        for number, path in enumerate(paths):
            state = "warning" if (number, host) == (3, "node2") else "same"
            StepRun.objects.create(run=run, step=path, title=f"Check {number}", phase="precheck", position=number,
                                   host=host, state=state, seconds=9 if number == 7 else 1,
                                   started_at=began + timedelta(seconds=number % 3))  # fmt: skip
        StepRun.objects.create(run=run, step="os/prepare", title="Prepare", phase="os", position=99, host=host,
                               state="changed", seconds=20, started_at=began + timedelta(seconds=11))  # fmt: skip
    found = run_timeline(Run.objects.get(pk=run.pk))
    assert [(lane.rows, len(lane.bars)) for lane in found.lanes] == [(1, 2), (1, 2)]
    folded = found.lanes[1].bars[0]
    assert (folded.title, folded.state, folded.count, folded.slowest) == ("25 prechecks", "warning", 25, ("Check 7", 9))
    assert (folded.start, folded.end) == (0.0, 10.0)
    text = page.get(reverse("run-timeline", args=[run.pk])).content.decode()
    assert text.count('<g class="tl-bar') == 4
    assert "25 prechecks, slowest: Check 7</text>" in text
    assert text.count("tl-link") == 1
    assert [bar.step for bar in found.chain] == ["precheck/check.7", "os/prepare"]


def test_machines_are_listed_in_the_order_of_the_plan(run: Run) -> None:
    for seq, host in enumerate(("node3", "node1", "node2"), start=10):
        data = {"topic": "facts", "values": {"os_name": "Debian"}}
        Event.objects.create(run=run, seq=seq, at=timezone.now(), kind="observed", host=host, data=data)
    for host in ("node2", "node3"):
        StepRun.objects.create(run=run, step="os/prepare", title="Prepare", phase="os", position=1, host=host)
    assert [host for host, _facts in run_facts(run)] == ["node1", "node2", "node3"]


def test_the_tooltip_of_a_cell_shows_its_times(page: Client, run: Run) -> None:
    began = datetime(2026, 1, 2, 10, 0, 0, tzinfo=UTC)
    done = {"state": "changed", "started_at": began, "seconds": 161, "expected": 90}
    StepRun.objects.update(**done)
    grid = reverse("run-grid", args=[run.pk])
    assert 'title="Started 10:00:00 UTC, took 2 m 41 s. Expected: 1 m 30 s."' in page.get(grid).content.decode()
    for number in range(2, 22):
        StepRun.objects.create(run=run, step="os/prepare", title="Prepare", phase="os", position=1,
                               host=f"node{number}", **{**done, "seconds": number})  # fmt: skip
    Run.objects.filter(pk=run.pk).update(last_seq=5)
    text = page.get(grid).content.decode()
    assert "at most 21 s on node21" in text
    assert "Median" in text


def test_a_group_that_was_opened_is_in_the_address(page: Client, run: Run) -> None:
    answer = page.get(reverse("run-grid", args=[run.pk]), {"open": 'worker"><script>'})
    assert "<script>" not in answer.content.decode()


def test_the_page_of_a_run_has_no_inline_script_or_style(page: Client, run: Run) -> None:
    text = page.get(reverse("run", args=[run.pk])).content.decode()
    assert " style=" not in text
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"\son[a-z]+=", text)
