"""Cancelling with a real worker and a real machine: uncut steps end first, and a success stays one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from clusters import services
from clusters.models import Run
from tests.processes import wait_for
from tests.runs.scenes import cluster_of, worker
from tests.sshd import sshd

if TYPE_CHECKING:
    from pathlib import Path

    from django.contrib.auth.models import User
    from django.test import Client

    from tests.sshd import Sshd

__all__ = ["sshd"]

pytestmark = [pytest.mark.sshd, pytest.mark.django_db(transaction=True)]

UNCUT = "can't be interrupted safely"


def lines_of(run: Run) -> list[str]:
    return [line[2] for row in run.events.filter(kind="output").order_by("seq") for line in row.data["lines"]]


def header(client: Client, run: Run) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", client.get(reverse("run-header", args=[run.pk])).content.decode()).split())


def cancelled_in_the_midst(scene: str, client: Client, alice: User, sshd: Sshd, place: Path) -> Run:
    """A run of that scene that somebody cancelled while its uncut step was running; the page shows that meanwhile."""
    client.force_login(alice)
    cluster = cluster_of(alice, sshd, "node1")
    run = Run.objects.create(cluster=cluster, document=cluster.document, asked_by=alice)
    with worker(scene, place):
        wait_for(lambda: "cutting" in lines_of(run), what="the command")
        services.run_cancel(actor=alice, run=run)
        assert run.state == "cancelling"
        said = header(client, run)
        assert "alice requested cancellation" in said
        assert "Do something that must not be cut on node1 can't be interrupted safely, so it finishes first" in said
        # The worker notices it at its next heartbeat, and logs it.
        wait_for(
            lambda: [line for line in lines_of(run) if UNCUT in line],
            what="the engine to take note",
        )
        (place / "node1.go").touch()
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, what="the end of the run")
    return Run.objects.get(pk=run.pk)


def test_an_uncut_step_ends_first_and_the_log_explains_it(
    client: Client, alice: User, sshd: Sshd, tmp_path: Path
) -> None:
    run = cancelled_in_the_midst("uncut", client, alice, sshd, tmp_path)
    assert run.state == "cancelled"
    assert [line for line in lines_of(run) if UNCUT in line and "node1" in line]
    assert (tmp_path / "node1.whole").exists()
    assert not (tmp_path / "node1.never").exists()
    assert "alice requested cancellation" in header(client, run)


def test_the_page_shows_an_uncut_part_until_it_has_ended(
    client: Client, alice: User, sshd: Sshd, tmp_path: Path
) -> None:
    client.force_login(alice)
    cluster = cluster_of(alice, sshd, "node1", "node2")
    run = Run.objects.create(cluster=cluster, document=cluster.document, asked_by=alice)
    with worker("uncut_part", tmp_path):
        wait_for(lambda: lines_of(run).count("cutting") == 2, what="the command")
        services.run_cancel(actor=alice, run=run)
        said = header(client, run)
        for host in ("node1", "node2"):
            assert f"Joining the others on {host} can't be interrupted safely, so it finishes first" in said
        assert "A part of “Join something, and then wait”. Running since" in said
        assert "got SIGTERM" not in said
        for host in ("node1", "node2"):
            (tmp_path / f"{host}.go").touch()
        wait_for(lambda: not run.steps.exclude(uncut="").exists(), what="the end of the part")
        assert "Joining the others" not in header(client, run)
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, what="the end of the run")
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert (tmp_path / "node1.whole").exists() and (tmp_path / "node2.whole").exists()
    parts = run.events.filter(kind="uncut").order_by("seq").values_list("host", "data")
    assert sorted((host, data["what"], data["over"]) for host, data in parts) == [
        (host, "joining the others", over) for host in ("node1", "node2") for over in (False, True)]  # fmt: skip


def test_a_cancel_that_comes_too_late_does_not_undo_a_success(
    client: Client, alice: User, sshd: Sshd, tmp_path: Path
) -> None:
    run = cancelled_in_the_midst("last_uncut", client, alice, sshd, tmp_path)
    assert run.state == "succeeded"
    assert run.cancel_asked_by == alice
    assert "by then everything was done or could no longer be interrupted, so the run succeeded" in header(client, run)
