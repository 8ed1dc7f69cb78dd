"""Entries of the audit are forwarded to a webhook and to syslog: signed, in order, with a limited number of retries."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command
from django.utils import timezone

from clusters.models import AuditEntry, AuditForward
from clusters.runs.notify import audit_forwarding
from clusters.runs.notify.audit_forwarding import audit_courier, claim_forward, forward
from clusters.runs.notify.courier import PAUSES
from clusters.runs.notify.syslog import MOST_BYTES, message, place_of
from clusters.runs.worker import Worker
from clusters.services.audit import audited
from tests.processes import wait_for
from tests.runs.notify.test_outbox import Receiver, receiving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def webhook(settings: Settings) -> Iterator[Receiver]:
    with receiving() as server:
        settings.SLIPWAY_AUDIT_WEBHOOK_URL = server.url
        settings.SLIPWAY_AUDIT_WEBHOOK_SECRET = "shared-with-the-auditors"
        yield server


def write(count: int) -> None:
    for number in range(count):
        audited(None, "draft.update", f"cluster-{number}")


def send() -> AuditForward:
    """One try, like a worker's, without waiting until it is due."""
    AuditForward.objects.update(due_at=timezone.now())
    state = claim_forward()
    assert state is not None
    assert claim_forward() is None, "no other worker sends the same meanwhile"
    forward(state)
    state.refresh_from_db()
    return state


def numbers(receiver: Receiver) -> list[int]:
    return [entry["number"] for _, body in receiver.taken for entry in json.loads(body)["entries"]]


def test_every_entry_is_posted_in_order_and_signed(webhook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_forwarding, "AT_ONCE", 3)
    write(7)
    audit_courier()._send()
    assert numbers(webhook) == list(range(1, 8))
    headers, body = webhook.taken[0]
    signed = headers["X-Slipway-Time"].encode() + b"." + body
    expected = hmac.new(b"shared-with-the-auditors", signed, hashlib.sha256).hexdigest()
    assert headers["X-Slipway-Signature"] == f"sha256={expected}"
    assert json.loads(body)["entries"][0] == AuditEntry.objects.get(number=1).as_json()
    state = AuditForward.objects.get()
    assert (state.way, state.position, state.tries, state.error) == ("webhook", 7, 0, "")
    assert state.worked_at is not None
    assert claim_forward() is None, "nothing is left"


def test_failed_messages_are_retried_in_order_and_finally_given_up(webhook: Receiver) -> None:
    write(2)
    webhook.answers = [500]
    for tries in range(1, len(PAUSES) + 2):
        state = send()
        assert (state.tries, state.position) == (tries, 0)
        assert state.given_up == (tries > len(PAUSES))
    assert "The receiver answered 500." in state.error
    assert "t0ken" not in state.error
    AuditForward.objects.update(due_at=timezone.now())
    assert claim_forward() is None
    webhook.answers, webhook.taken = [200], []
    AuditForward.objects.update(given_up=False)
    assert send().position == 2
    assert numbers(webhook) == [1, 2]


def test_a_slow_worker_does_not_reset_the_position_of_another(webhook: Receiver) -> None:
    write(1)
    slow = claim_forward()
    assert slow is not None
    AuditForward.objects.update(lease_until=timezone.now())
    write(1)
    assert send().position == 2
    forward(slow)
    assert AuditForward.objects.get().position == 2


def test_a_worker_forwards_beside_its_runs(webhook: Receiver) -> None:
    write(3)
    worker = Worker()
    worker.run(until_idle=True)
    wait_for(lambda: AuditForward.objects.get().position == 3, what="all entries to be forwarded")


def test_without_forwarding_no_position_is_stored() -> None:
    write(1)
    assert claim_forward() is None
    assert not AuditForward.objects.exists()


def test_syslog_over_udp_gets_one_message_for_each_entry(settings: Settings) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(60)
        settings.SLIPWAY_AUDIT_SYSLOG = f"udp://127.0.0.1:{server.getsockname()[1]}"
        write(2)
        assert send().position == 2
        messages = [server.recv(65_536) for _ in range(2)]
    assert [json.loads(each.partition(b" audit - ")[2])["number"] for each in messages] == [1, 2]
    assert messages[0].startswith(b"<109>1 ")


def test_syslog_over_tcp_gets_lengths_before_messages(settings: Settings) -> None:
    taken: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            link, _ = server.accept()
            with link:
                while part := link.recv(65_536):
                    taken.append(part)

        thread = threading.Thread(target=take)
        thread.start()
        settings.SLIPWAY_AUDIT_SYSLOG = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        write(2)
        assert send().position == 2
        thread.join()
    rest, found = b"".join(taken), []
    while rest:
        length, _, rest = rest.partition(b" ")
        found.append(json.loads(rest[: int(length)].partition(b" audit - ")[2])["target"])
        rest = rest[int(length) :]
    assert found == ["cluster-0", "cluster-1"]


def test_a_syslog_server_that_is_away_is_tried_again(settings: Settings) -> None:
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        settings.SLIPWAY_AUDIT_SYSLOG = f"tcp://127.0.0.1:{kept.getsockname()[1]}"
        write(1)
        state = send()
    assert (state.tries, state.position) == (1, 0)
    assert "refused" in state.error


def test_a_name_cannot_start_a_new_line_in_syslog_and_messages_are_limited() -> None:
    audited(None, "draft.update", "harbour\n<13>1 forged\x1b[31m", hosts=[f"node-{n}" for n in range(5000)])
    entry = AuditEntry.objects.get()
    text = message(entry.at, entry.as_json())
    assert text.isascii()
    assert not [byte for byte in text if byte < 32]
    assert len(text) <= MOST_BYTES
    assert b"left_out_bytes" in text


@pytest.mark.parametrize(
    "address", ["syslog.example", "http://syslog.example", "udp://", "tcp://host/path", "udp://[::1", "udp://h:99999"]
)
def test_check_finds_an_unusable_syslog_address(
    address: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.SLIPWAY_AUDIT_SYSLOG = address
    with pytest.raises(ValueError, match="SLIPWAY_AUDIT_SYSLOG"):
        place_of(address)
    with pytest.raises(Exception, match=r"slipway\.E004"):
        call_command("check")
