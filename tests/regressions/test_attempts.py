"""16, 18, 19: attempts: one for two presses, no false states, and no unreported repetition."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from django.utils import timezone

from clusters.models import Cluster, Run
from clusters.runs.claims.leases import claim_run
from clusters.runs.supervise import supervise
from tests.processes import wait_for
from tests.regressions.addresses import content_of
from tests.runs.scenes import cluster_of, worker
from tests.web.site import session_of, site
from tests.web.wire import press

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.contrib.auth.models import User
    from django.test import Client
    from pytest_django import Settings

    from tests.sshd import Sshd

pytestmark = pytest.mark.django_db(transaction=True)

HOPEFUL = ("is-waiting", "is-running", "tone-running", "Waiting", "Running")


def pressed_at_once(port: int, path: str, sessions: list[str]) -> list[int]:
    """The responses to each of them."""
    answers: list[int] = []
    start = threading.Barrier(len(sessions))

    def one(session: str) -> None:
        start.wait()
        answers.append(press(port, path, session))

    threads = [threading.Thread(target=one, args=(session,)) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


@pytest.mark.processes
def test_16_two_people_who_press_at_once_make_one_run(cluster: Cluster, alice: User, admin: User) -> None:
    sessions = [session_of(alice), session_of(admin)] * 3
    with site() as pages:
        assert pressed_at_once(pages.port, reverse("cluster-install", args=[cluster.pk]), sessions) == [302] * 6
        run = Run.objects.get()
        Run.objects.update(state="failed", finished_at=timezone.now())
        assert pressed_at_once(pages.port, reverse("run-retry", args=[run.pk]), sessions) == [302] * 6
    assert list(Run.objects.order_by("pk").values_list("attempt", flat=True)) == [1, 2]


def text_of(person: Client, run: Run, name: str) -> str:
    return content_of(person.get(reverse(name, args=[run.pk])))


@pytest.mark.parametrize("end", ["fails", "broken", "cannot", "given up", "cancelled", "unreadable"])
def test_18_nothing_that_failed_is_shown_as_waiting(
    make_run: Callable[..., Run], client: Client, alice: User, settings: Settings, end: str
) -> None:
    """However a run ended, none of its pages shows anything as waiting or running."""
    client.force_login(alice)
    past = timezone.now() - timedelta(seconds=5)
    given_up = {"state": "running", "worker": "x", "lease_until": past, "takeovers": 10, "started_at": past}
    run = make_run(
        **(given_up if end == "given up" else {}), **({"document": "spec: ["} if end == "unreadable" else {})
    )
    if end in ("given up", "cancelled"):
        # It already had a plan.
        for step, state in (("os/prepare", "running"), ("etcd/start", "waiting")):
            run.steps.create(step=step, title=step, phase="os", position=1, host="node1", state=state, started_at=past)
    if end == "cancelled":
        claim_run(run.pk, "one")
        Run.objects.filter(pk=run.pk).update(state="cancelling", cancel_asked_at=past)
        settings.SLIPWAY_RUN_ON_MACHINES = "tests.runs.fakes.endless"
        Run.objects.filter(pk=run.pk).update(lease_until=past)
    else:
        settings.SLIPWAY_RUN_ON_MACHINES = f"tests.runs.fakes.{end if end.isalpha() else 'quick'}"
    supervise(run.pk, worker_name="two")
    run.refresh_from_db()
    assert run.state == ("cancelled" if end == "cancelled" else "failed")
    states = set(run.steps.values_list("state", flat=True))
    assert not states & {"waiting", "running"}
    for name in ("run-header", "run-grid", "run-timeline", "run-plan", "run-summary", "cluster"):
        address = reverse(name, args=[run.cluster_id if name == "cluster" else run.pk])
        text = client.get(address, headers={"HX-Request": "true"}).content.decode()
        assert [word for word in HOPEFUL if word in text] == [], name
    if end == "fails":
        assert "is-failed" in text_of(client, run, "run-grid")
        assert "is-skipped" in text_of(client, run, "run-grid")


@pytest.mark.sshd
def test_19_a_retry_repeats_nothing_without_reporting_it(
    client: Client, alice: User, sshd: Sshd, tmp_path: Path
) -> None:
    client.force_login(alice)
    cluster = cluster_of(alice, sshd, "node1", "node2")
    run = Run.objects.create(cluster=cluster, document=cluster.document, asked_by=alice)
    (tmp_path / "node2.broken").touch()
    with worker("counted", tmp_path):
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, what="the end of the first attempt")
        assert dict(run.steps.values_list("host", "state")) == {"node1": "changed", "node2": "failed"}
        assert "completed work is kept and only checked again" in text_of(client, run, "run-header")
        (tmp_path / "node2.broken").unlink()
        client.post(reverse("run-retry", args=[run.pk]))
        again = Run.objects.latest("pk")
        wait_for(lambda: Run.objects.get(pk=again.pk).finished_at, what="the end of the second attempt")
    again.refresh_from_db()
    assert (again.state, again.attempt) == ("succeeded", 2)
    assert dict(again.steps.values_list("host", "state")) == {"node1": "same", "node2": "changed"}
    for host in ("node1", "node2"):
        assert (tmp_path / f"{host}.deeds").read_text() == "deed\n"
    grid = text_of(client, again, "run-grid")
    assert grid.count("is-same") == grid.count("is-changed") == 1
    assert "Unchanged" in grid
    assert "1 changed, 1 were already correct" in text_of(client, again, "run-header")
