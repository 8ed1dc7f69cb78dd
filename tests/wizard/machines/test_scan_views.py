"""A scan by the worker, from the page to the list of machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.models import AuditEntry, Scan
from clusters.runs.claims.jobs import Jobs
from clusters.runs.jobs.scans import scan_row
from tests.remote.test_scan import greeting

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from tests.wizard.visitor import Visitor


def start(visitor: Visitor, network: str, port: int | str = 22) -> str:
    answer = visitor.many("scan/", {"network": network, "port": port})
    assert answer.status_code in (302, 422)
    return str(answer.content.decode())


def carry_out() -> Scan:
    scan = Scan.objects.get()
    Scan.objects.update(state="running", worker="token")
    scan_row(scan.pk, "token")
    scan.refresh_from_db()
    return scan


def test_what_answers_becomes_lines_of_the_list(visitor: Visitor) -> None:
    with greeting("127.0.0.2", b"SSH-2.0-x\r\n") as port:
        start(visitor, "127.0.0.0/29", port)
        assert (carry_out().state, Scan.objects.get().looked) == ("done", 6)
    text = visitor.many("scan/table/").content.decode()
    assert 'value="127.0.0.2"' in text and "SSH-2.0-x" in text and "hx-trigger" not in text
    listed = visitor.many("add/", {"action": "preview", "address": ["127.0.0.2"], "port": str(port)}).content.decode()
    assert "Add 1 machine" in listed and f'<td class="mono">{port}</td>' in listed


def test_a_machine_that_is_there_already_is_shown_as_such(visitor: Visitor) -> None:
    start(visitor, "10.99.0.0/29")
    Scan.objects.update(state="done", found=[{"address": "10.99.0.1", "banner": "SSH-2.0-x"}])
    text = visitor.many("scan/table/").content.decode()
    assert "already node1" in text and 'name="address"' not in text


@pytest.mark.parametrize(("network", "port"), [("10.0.0.0/8", "22"), ("here", "22"), ("10.0.0.0/24", "70000")])
def test_a_network_that_cannot_be_scanned_is_reported(visitor: Visitor, network: str, port: str) -> None:
    assert 'class="tone-failed"' in start(visitor, network, port)
    assert not Scan.objects.exists()


def test_a_cancelled_scan_ends_and_stays_cancelled(visitor: Visitor) -> None:
    start(visitor, "127.0.0.0/24", 1)
    assert 'id="cancel-scan"' in visitor.many("scan/").content.decode()
    Scan.objects.update(state="running", worker="token")
    visitor.many("scan/cancel/", {})
    scan_row(Scan.objects.get().pk, "token")
    assert Scan.objects.get().state == "cancelled"
    deeds = AuditEntry.objects.filter(deed__startswith="scan").order_by("id").values_list("deed", flat=True)
    assert list(deeds) == ["scan.start", "scan.cancel"]


@pytest.mark.django_db(transaction=True)
def test_the_worker_takes_a_scan_and_carries_it_out(visitor: Visitor) -> None:
    with greeting("127.0.0.1", b"SSH-2.0-x\r\n") as port:
        start(visitor, "127.0.0.1/32", port)
        scans = Jobs("worker", Scan, scan_row)
        scans.take()
        scans.wait(20)
    assert Scan.objects.get().found == [{"address": "127.0.0.1", "banner": "SSH-2.0-x"}]


def test_strangers_neither_scan_nor_look(visitor: Visitor, bob: User) -> None:
    visitor.client.force_login(bob)
    assert visitor.many("scan/").status_code == visitor.many("scan/table/").status_code == 404
    assert visitor.many("scan/", {"network": "10.0.0.0/24"}).status_code == 404
    assert visitor.many("scan/cancel/", {}).status_code == 404
