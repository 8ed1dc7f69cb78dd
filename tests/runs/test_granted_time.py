"""Waiting longer: a slow step turns amber before it fails, and continues when somebody grants it time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from django.utils import timezone

from clusters import services
from clusters.models import AuditEntry, Extension, Run
from clusters.runs.granted_time import GrantedTime
from tests.processes import wait_for
from tests.runs.scenes import PATIENT_SECONDS, cluster_of, worker
from tests.sshd import sshd

if TYPE_CHECKING:
    from pathlib import Path

    from django.contrib.auth.models import User
    from django.test import Client

    from clusters.engine.events import Event
    from tests.sshd import Sshd

__all__ = ["sshd"]

pytestmark = [pytest.mark.early, pytest.mark.sshd, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def run(alice: User, sshd: Sshd) -> Run:
    cluster = cluster_of(alice, sshd, "node1")
    return Run.objects.create(cluster=cluster, document=cluster.document, asked_by=alice)


def header(client: Client, run: Run) -> str:
    return client.get(reverse("run-header", args=[run.pk])).content.decode()


def press(client: Client, run: Run, given: int = 0) -> None:
    said = {"step": "first/slow", "host": "node1", "given": given}
    assert client.post(reverse("run-wait", args=[run.pk]), said).status_code == 302


def test_without_granted_time_a_slow_step_turns_amber_and_then_fails(
    run: Run, client: Client, alice: User, tmp_path: Path
) -> None:
    client.force_login(alice)
    with worker("patient", tmp_path):
        wait_for(lambda: "A step takes longer than usual" in header(client, run), what="the amber note")
        assert Run.objects.get(pk=run.pk).state == "running"
        assert "is-late" in client.get(reverse("run-grid", args=[run.pk])).content.decode()
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, what="the end of the run")
    run.refresh_from_db()
    assert run.state == "failed"
    assert "did not end within" in run.failures[0]["found"]


def test_the_button_extends_the_running_command_and_the_wait_after_it(
    run: Run, client: Client, alice: User, tmp_path: Path
) -> None:
    client.force_login(alice)
    with worker("patient", tmp_path):
        wait_for(lambda: "Wait 5 minutes longer" in header(client, run), what="the button")
        press(client, run)
        press(client, run)
        wait_for(lambda: run.events.filter(kind="extended").exists(), what="the event")
        wait_for(lambda: "given more time once, by alice" in header(client, run), what="the page to show that")
        began = run.steps.get(step="first/slow").started_at
        assert began is not None
        own_time_is_over = began + timedelta(seconds=PATIENT_SECONDS + 1)
        wait_for(lambda: timezone.now() > own_time_is_over, what="the end of the step's own time")
        (tmp_path / "node1.go").touch()
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, what="the end of the run")
    run.refresh_from_db()
    assert (run.state, run.failures) == ("succeeded", [])
    told = run.events.get(kind="extended")
    assert (told.step, told.host, told.data) == ("first/slow", "node1", {"seconds": 300.0, "by": "alice"})
    assert AuditEntry.objects.get(deed="run.wait_longer").details["host"] == "node1"
    lines = [line[2] for row in run.events.filter(kind="output") for line in row.data["lines"]]
    assert "alice granted this step 5 more minutes on node1." in lines
    assert lines.count("slow") == 1


def test_a_takeover_keeps_granted_time_and_reports_it_once(run: Run, alice: User) -> None:
    told: list[Event] = []

    class Sink:
        def emit(self, event: Event) -> None:
            told.append(event)

    Extension.objects.create(run=run, step="first/slow", host="node1", seconds=300, asked_by=alice)
    for _ in range(2):
        patience = GrantedTime(run, Sink())
        patience.look()
        patience.look()
        assert patience.granted("first/slow", "node1") == 300
        assert patience.granted("first/slow", "node2") == 0
    assert [event.kind for event in told] == ["extended", "output"]


def test_no_time_is_granted_to_a_step_that_is_over(run: Run, client: Client, alice: User) -> None:
    client.force_login(alice)
    with pytest.raises(services.NotPossible, match="is no longer running on node1"):
        services.run_wait_longer(actor=alice, run=run, step="first/slow", host="node1", given=0)
    answer = client.post(reverse("run-wait", args=[run.pk]), {"step": "x", "host": "y", "given": "²"}, follow=True)
    assert "is no longer running on y" in answer.content.decode()
    assert not Extension.objects.exists()
