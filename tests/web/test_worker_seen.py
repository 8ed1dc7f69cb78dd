"""Pages show when a worker was last seen, and claim nothing else about workers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from django.utils import timezone

from clusters.models import AuditForward, WorkerSign
from clusters.places import command_line
from clusters.runs.heartbeats import FORGOTTEN_AFTER, Heartbeats
from clusters.runs.worker import Worker
from clusters.selectors import worker_seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from django.test import Client
    from pytest_django import Settings

    from clusters.models import Run

pytestmark = pytest.mark.django_db


def sign(seconds: float, name: str = "host:1:abc") -> None:
    seen_at = timezone.now() - timedelta(seconds=seconds)
    WorkerSign.objects.update_or_create(name=name, defaults={"seen_at": seen_at})


def test_a_waiting_run_shows_when_a_worker_was_last_seen(
    client: Client, alice: User, make_run: Callable[..., Run]
) -> None:
    client.force_login(alice)
    address = reverse("run-header", args=[make_run().pk])
    page = " ".join(client.get(address).content.decode().split())
    assert f"No worker has been seen yet. Start one with <code>{command_line('work')}</code>." in page
    sign(20)
    page = " ".join(client.get(address).content.decode().split())
    assert "A worker was last seen 20 s ago." in page
    assert command_line("work") not in page
    sign(7200)
    page = " ".join(client.get(address).content.decode().split())
    assert "No worker has been seen for 2 h 0 m. Start one with" in page


def test_retrying_the_forwarding_shows_the_last_seen_worker(client: Client, admin: User, settings: Settings) -> None:
    settings.SLIPWAY_AUDIT_WEBHOOK_URL = "https://hooks.example/"
    AuditForward.objects.create(way="webhook", tries=9, given_up=True, failed_at=timezone.now())
    client.force_login(admin)
    form = {"way": "webhook"}
    page = " ".join(client.post(reverse("audit-forwarding"), form, follow=True).content.decode().split())
    assert "Waiting entries are due now. The next free worker sends them." in page
    assert "No worker has been seen yet." in page
    sign(3)
    assert "A worker was last seen 3 s ago." in " ".join(client.get(reverse("audit")).content.decode().split())


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_checks_for_work_is_seen() -> None:
    sign(FORGOTTEN_AFTER.total_seconds() + 60, "host:0:old")
    worker = Worker()
    worker.run(until_idle=True)
    assert [row.name for row in WorkerSign.objects.all()] == [worker.name]
    assert worker_seen().is_recent


def test_a_heartbeat_is_written_at_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("clusters.runs.heartbeats.time.monotonic", lambda: clock[0])
    signs = Heartbeats("host:1:abc")
    signs.take()
    first = WorkerSign.objects.get().seen_at
    for passed, is_new in ((14.0, False), (15.1, True)):
        clock[0] = 100 + passed
        signs.take()
        assert (WorkerSign.objects.get().seen_at > first) is is_new
