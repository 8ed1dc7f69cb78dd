"""Tests of the pages of a run: who sees it, its log without gaps, and its buttons."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync
from django.urls import reverse
from django.utils import timezone

from clusters.models import Cluster, Event, Run, StepRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from django.test import Client

PARTS = ("run", "run-header", "run-grid", "run-log", "run-log-text")
BUTTONS = ("run-cancel", "run-retry")


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
    """What a download holds."""

    async def gather() -> bytes:
        return b"".join([part async for part in answer.streaming_content])

    found: bytes = async_to_sync(gather)()
    return found


def log(page: Client, run: Run, **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = page.get(reverse("run-log", args=[run.pk]), query).json()
    return found


@pytest.mark.parametrize("name", PARTS)
def test_a_stranger_does_not_learn_that_a_run_is_there(client: Client, bob: User, run: Run, name: str) -> None:
    client.force_login(bob)
    assert client.get(reverse(name, args=[run.pk])).status_code == 404


@pytest.mark.parametrize("name", BUTTONS)
def test_a_stranger_presses_no_button(client: Client, bob: User, run: Run, name: str) -> None:
    client.force_login(bob)
    assert client.post(reverse(name, args=[run.pk])).status_code == 404
    run.refresh_from_db()
    assert run.state == "running"
    assert Run.objects.count() == 1


@pytest.mark.parametrize("name", BUTTONS)
def test_a_link_presses_no_button(page: Client, run: Run, name: str) -> None:
    assert page.get(reverse(name, args=[run.pk])).status_code == 405


@pytest.mark.parametrize("name", ["run", "run-header", "run-grid"])
@pytest.mark.parametrize("state", Run.State.values)
def test_every_state_has_its_page_without_secrets(page: Client, run: Run, name: str, state: str) -> None:
    failures = [{"host": "node1", "step": "os/prepare", "expected": "2 GB", "found": "1 GB", "lines": ["a", "b"]}]
    Run.objects.filter(pk=run.pk).update(state=state, failures=failures if state == "failed" else [])
    answer = page.get(reverse(name, args=[run.pk]))
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "Qcloud@123" not in text
    assert "Testing123" not in text
    assert ("Prepare" in text) if name == "run-grid" else (f'data-state="{state}"' in text)


def test_a_failure_says_what_was_expected_found_and_to_be_tried(page: Client, run: Run) -> None:
    failure = {"host": "node1", "step": "os/prepare", "expected": "2 GB free", "found": "<b>full</b>",
               "lines": ["no space left"], "hint": "Make room.", "retryable": False}  # fmt: skip
    Run.objects.filter(pk=run.pk).update(state="failed", failures=[failure])
    text = page.get(reverse("run-header", args=[run.pk])).content.decode()
    for said in ("2 GB free", "&lt;b&gt;full&lt;/b&gt;", "no space left", "Make room.", "node1", "Prepare"):
        assert said in text
    assert reverse("run-retry", args=[run.pk]) in text


def test_a_run_that_succeeded_hands_out_the_kubeconfig(page: Client, run: Run, cluster: Cluster) -> None:
    Cluster.objects.filter(pk=cluster.pk).update(kubeconfig="kind: Config\n", nodes=[{"name": "node1", "ready": True}])
    Run.objects.filter(pk=run.pk).update(state="succeeded")
    text = page.get(reverse("run", args=[run.pk])).content.decode()
    assert 'id="download-kubeconfig"' in text
    assert "kind: Config" not in text


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


def test_the_log_begins_with_the_newest_lines_and_says_where_to_go_on(page: Client, run: Run) -> None:
    found = log(page, run, limit=12)
    assert [row[0] for row in found["lines"]] == list(range(19, 31))
    assert found["lines"][-1][1:] == [1700000000.5, "node1", "os/prepare", "out", "line 30"]
    assert (found["last_seq"], found["last_line"], found["older"]) == (4, 30, True)


def test_lines_written_after_the_run_was_read_are_left_to_the_socket(page: Client, run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(last_seq=3, last_line=20)
    found = log(page, run)
    assert [row[0] for row in found["lines"]] == list(range(1, 21))
    assert [row[0] for row in log(page, run, before=28, limit=3)["lines"]] == [18, 19, 20]


def test_older_lines_follow_on_without_gap_or_repetition(page: Client, run: Run) -> None:
    seen: list[int] = []
    before: dict[str, int] = {}
    for _ in range(10):
        found = log(page, run, limit=7, **before)
        seen = [row[0] for row in found["lines"]] + seen
        if not found["older"]:
            break
        before = {"before": seen[0]}
    assert seen == list(range(1, 31))


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"host": "node2"}, list(range(11, 21))),
        ({"search": "LINE 3"}, [3, 30]),
        ({"step": "etcd/start"}, []),
        ({"stream": "err"}, []),
        ({"after": 28}, [29, 30]),
        ({"before": 3}, [1, 2]),
    ],
)
def test_the_log_is_filtered_by_the_server(page: Client, run: Run, query: dict[str, Any], numbers: list[int]) -> None:
    assert [row[0] for row in log(page, run, **query)["lines"]] == numbers


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "9" * 40, "²"])
def test_a_place_that_is_no_number_is_refused(page: Client, run: Run, value: str) -> None:
    assert page.get(reverse("run-log", args=[run.pk]), {"before": value}).status_code == 400


def test_the_log_as_a_file_has_every_line_once(page: Client, run: Run) -> None:
    answer = page.get(reverse("run-log-text", args=[run.pk]))
    text = content_of(answer).decode()
    assert "attachment" in answer["Content-Disposition"]
    assert [int(number) for number in re.findall(r"line (\d+)$", text, re.MULTILINE)] == list(range(1, 31))
    assert text.startswith("2023-11-14T22:13:20Z node1 line 1\n")


def test_the_page_of_a_run_has_no_inline_script_or_style(page: Client, run: Run) -> None:
    text = page.get(reverse("run", args=[run.pk])).content.decode()
    assert " style=" not in text
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"\son[a-z]+=", text)
