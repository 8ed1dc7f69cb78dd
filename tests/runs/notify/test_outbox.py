"""The end of a run is reported by webhook and mail: signed, retried, without secrets, and never lost with a worker."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from clusters.models import AuditEntry, Notice, Run
from clusters.runs.notify import outbox
from clusters.runs.notify.courier import PAUSES
from clusters.runs.notify.outbox import claim_notice, deliver
from clusters.runs.supervise import supervise
from clusters.services import run_cancel
from tests.processes import manage, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.auth.models import User
    from django.test import Client
    from pytest_django import Settings

    from clusters.models import Cluster

pytestmark = pytest.mark.django_db(transaction=True)

SECRETS = ("Qcloud@123", "Testing123")


class Receiver(ThreadingHTTPServer):
    """Receives messages; `answers` are the statuses to return, the last one repeatedly. `hold` delays the response."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.answers = [200]
        self.hold = threading.Event()
        self.hold.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook/t0ken-in-the-path"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((dict(self.headers), body))
        self.server.hold.wait(20)
        status = self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0]
        self.send_response(status)
        if status == 302:
            self.send_header("Location", self.server.url + "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.hold.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    with receiving() as server:
        settings.SLIPWAY_WEBHOOK_URL = server.url
        settings.SLIPWAY_WEBHOOK_SECRET = "shared-with-the-receiver"
        settings.SLIPWAY_PUBLIC_URL = "https://slipway.example/"
        yield server


def end_of(run: Run, settings: Settings, how: str = "fails") -> None:
    settings.SLIPWAY_RUN_ON_MACHINES = f"tests.runs.fakes.{how}"
    supervise(run.pk, worker_name=f"w{run.pk}")


def test_the_notice_is_stored_with_the_end_and_sent_signed(
    make_run: Callable[..., Run], settings: Settings, receiver: Receiver, client: Client
) -> None:
    run = make_run()
    end_of(run, settings)
    row = Notice.objects.get()
    assert (row.run_id, row.way, row.state) == (run.pk, "webhook", "waiting")
    found = claim_notice()
    assert found is not None
    assert claim_notice() is None
    deliver(found)
    row.refresh_from_db()
    assert (row.state, row.tries) == ("sent", 1)
    headers, body = receiver.taken[0]
    signed = headers["X-Slipway-Time"].encode() + b"." + body
    expected = hmac.new(b"shared-with-the-receiver", signed, hashlib.sha256).hexdigest()
    assert headers["X-Slipway-Signature"] == f"sha256={expected}"
    assert headers["X-Slipway-Delivery"] == row.key
    said = json.loads(body)
    assert (said["state"], said["cluster"], said["run"]) == ("failed", "sample", run.pk)
    assert said["failures"] == [{"machine": "node1", "step": "os/prepare", "found": "disk full"}]
    assert said["url"] == f"https://slipway.example/runs/{run.pk}/"
    assert not [secret for secret in SECRETS if secret in body.decode()]
    assert run.cluster.owner is not None
    client.force_login(run.cluster.owner)
    summary = client.get(reverse("run-summary", args=[run.pk])).content.decode()
    assert "Webhook" in summary
    assert "t0ken" not in summary


def test_an_error_that_quotes_a_password_is_sent_without_it(
    make_run: Callable[..., Run], settings: Settings, receiver: Receiver
) -> None:
    settings.SLIPWAY_NOTIFY_MAIL = ["ops@example.org"]
    end_of(make_run(), settings, "broken")
    while (found := claim_notice()) is not None:
        deliver(found)
    assert Notice.objects.filter(state="sent").count() == 2
    told = receiver.taken[0][1].decode() + mail.outbox[0].body
    assert "Slipway itself failed" in told
    assert not [secret for secret in SECRETS if secret in told]
    assert mail.outbox[0].to == ["ops@example.org"]
    assert mail.outbox[0].subject == "[Slipway] sample: failed"


@pytest.mark.parametrize("status", [500, 404, 302])
def test_a_refused_notice_is_sent_again_with_the_same_key(
    make_run: Callable[..., Run],
    settings: Settings,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    monkeypatch.setattr(outbox, "PAUSES", (3_600,))
    receiver.answers = [status, 200]
    end_of(make_run(), settings)
    found = claim_notice()
    assert found is not None
    deliver(found)
    row = Notice.objects.get()
    assert row.state == "waiting"
    assert str(status) in row.error
    assert row.due_at > timezone.now()
    assert claim_notice() is None
    Notice.objects.update(due_at=timezone.now())
    again = claim_notice()
    assert again is not None
    deliver(again)
    assert Notice.objects.get().state == "sent"
    assert receiver.taken[0][0]["X-Slipway-Delivery"] == receiver.taken[1][0]["X-Slipway-Delivery"]
    assert len(receiver.taken) == 2


def test_an_unreachable_receiver_is_given_up_without_storing_its_address(
    make_run: Callable[..., Run], settings: Settings, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    end_of(make_run(), settings)
    settings.SLIPWAY_WEBHOOK_URL = "ftp://nobody.example/t0ken-in-the-path"
    for _ in range(len(PAUSES) + 1):
        Notice.objects.update(due_at=timezone.now())
        found = claim_notice()
        assert found is not None
        deliver(found)
    row = Notice.objects.get()
    assert (row.state, row.tries) == ("given up", len(PAUSES) + 1)
    assert "t0ken" not in row.error + caplog.text


def test_a_run_cancelled_before_its_start_is_also_reported(
    make_run: Callable[..., Run], settings: Settings, receiver: Receiver
) -> None:
    run = make_run()
    run_cancel(actor=run.cluster.owner, run=run)
    assert Notice.objects.get().run_id == run.pk


def test_without_settings_nothing_is_sent(make_run: Callable[..., Run], settings: Settings) -> None:
    end_of(make_run(), settings)
    assert not Notice.objects.exists()


@pytest.mark.processes
def test_the_notice_of_a_dead_worker_is_sent_by_the_next(make_run: Callable[..., Run]) -> None:
    run = make_run()
    with receiving() as server:
        server.hold.clear()
        more = {"SLIPWAY_RUN_ON_MACHINES": "tests.runs.fakes.quick", "SLIPWAY_WEBHOOK_URL": server.url}
        with manage("work", **more) as first:
            wait_for(lambda: server.taken, what="the first try")
            first.kill()
            first.wait()
        row = Notice.objects.get()
        assert (row.state, row.run_id) == ("waiting", run.pk)
        assert row.lease_until is not None
        assert row.lease_until < timezone.now() + timedelta(seconds=outbox.LEASE_SECONDS)
        # As after the minute of the lease.
        Notice.objects.update(lease_until=timezone.now())
        server.hold.set()
        with manage("work", **more):
            wait_for(lambda: Notice.objects.get().state == "sent", what="the second try")
        keys = {headers["X-Slipway-Delivery"] for headers, _ in server.taken}
    assert len(server.taken) == 2
    assert len(keys) == 1


def test_a_test_is_sent_once_and_the_page_shows_the_result(
    cluster: Cluster, alice: User, settings: Settings, receiver: Receiver, client: Client
) -> None:
    settings.SLIPWAY_NOTIFY_MAIL = ["ops@example.com", "boss@example.com"]
    client.force_login(alice)
    page = client.get(reverse("cluster", args=[cluster.pk])).content.decode()
    assert "Send a test" in page
    assert "127.0.0.1" in page
    assert "2 addresses" in page
    assert "t0ken" not in page
    assert "ops@" not in page
    answer = client.post(reverse("notices"), headers={"HX-Request": "true"}).content.decode()
    assert answer.count("Test in progress") == 2
    again = client.post(reverse("notices"), headers={"HX-Request": "true"}).content.decode()
    assert "A test was sent a moment ago." in again
    assert Notice.objects.count() == 2
    while (notice := claim_notice()) is not None:
        deliver(notice)
    headers, body = receiver.taken[0]
    assert json.loads(body)["event"] == "test"
    assert headers["X-Slipway-Signature"].startswith("sha256=")
    assert (len(receiver.taken), len(mail.outbox)) == (1, 1)
    assert "alice sent a test notification" in mail.outbox[0].body
    assert client.get(reverse("notices")).content.decode().count("Test accepted") == 2
    assert AuditEntry.objects.filter(deed="notices.test").count() == 1


def test_a_refused_test_shows_why_and_is_not_retried(
    cluster: Cluster, alice: User, receiver: Receiver, client: Client
) -> None:
    receiver.answers = [403]
    client.force_login(alice)
    assert client.post(reverse("notices"))["Location"] == "/"
    found = claim_notice()
    assert found is not None
    deliver(found)
    assert claim_notice() is None
    text = client.get(reverse("notices")).content.decode()
    assert "Not delivered" in text
    assert "The receiver answered 403." in text
    assert "t0ken" not in text


def test_without_settings_there_is_nothing_to_test(cluster: Cluster, alice: User, client: Client) -> None:
    client.force_login(alice)
    assert "Send a test" not in client.get(reverse("cluster", args=[cluster.pk])).content.decode()
    answer = client.post(reverse("notices"), headers={"HX-Request": "true"}).content.decode()
    assert "Neither a webhook nor a mail address is configured." in answer
    assert not Notice.objects.exists()
