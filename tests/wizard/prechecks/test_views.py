"""Prechecks before the run: the worker runs them on a real sshd, and equal findings are grouped over machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters import services
from clusters.config.load import load
from clusters.config.schema import Host, RoleGroups
from clusters.config.secret import Secret
from clusters.models import AuditEntry, Inspection
from clusters.runs.access.pinned_host_keys import pin
from clusters.runs.claims.jobs import Jobs
from clusters.runs.jobs.inspections import inspect_row
from tests.conftest import SEED
from tests.sshd import Sshd, free_port, sshd

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from clusters.models import Cluster
    from tests.wizard.visitor import Visitor

__all__ = ["sshd"]

START = "/clusters/{}/wizard/prechecks/start/"


def carried_out() -> Inspection:
    row = Inspection.objects.get()
    Inspection.objects.update(state="running", worker="token")
    inspect_row(row.pk, "token")
    row.refresh_from_db()
    return row


def two_machines(alice: User, sshd: Sshd) -> Cluster:
    """One that answers, and one that does not."""
    document = load(SEED).document
    assert document is not None
    values = {"address": "127.0.0.1", "user": sshd.user, "password": Secret(sshd.password)}
    hosts = (Host(name="good", port=sshd.port, **values), Host(name="gone", port=free_port(), **values))
    groups = RoleGroups(etcd=("good",), master=("good",), worker=("gone",))
    fresh = document.model_copy(update={"hosts": hosts, "role_groups": groups})
    cluster = services.draft_create(actor=alice, name="real", document=fresh)
    pin(cluster.pk, "127.0.0.1", sshd.port, sshd.key, by=alice)
    return cluster


def states(row: Inspection, host: str) -> dict[str, str]:
    return {each["check"]: each["state"] for each in row.results if each["host"] == host}


@pytest.mark.sshd
@pytest.mark.django_db(transaction=True)
def test_every_check_runs_on_a_real_machine_and_a_dead_one_has_a_reason(alice: User, sshd: Sshd) -> None:
    cluster = two_machines(alice, sshd)
    services.inspection_start(actor=alice, cluster=cluster)
    row = carried_out()
    assert row.state == "done", row.message
    good, gone = states(row, "good"), states(row, "gone")
    assert good["access.facts"] in ("same", "warning") and "hw.cpu_role" in good
    assert set(good.values()) <= {"same", "warning", "failed"}
    assert gone.pop("access.facts") == "failed"
    assert set(gone.values()) == {"skipped"}, "an unreachable machine is reported once"
    said = [found["message"] for each in row.results if each["host"] == "gone" for found in each["found"]]
    assert any("refuses the connection" in message for message in said)
    assert sshd.password not in str(row.results)
    seen = {each["host"]: each.get("seen") for each in row.results if each["check"] == "net.node_to_node"}
    assert seen == {"good": {"gone": {"10250": ""}}, "gone": None}, "on a machine's own address a closed port refuses"
    assert "time.skew" in good and good["time.skew"] == "same", "a missing machine does not affect another one"


@pytest.mark.sshd
@pytest.mark.django_db(transaction=True)
def test_one_check_on_one_machine_is_repeated_and_other_results_stay(alice: User, sshd: Sshd) -> None:
    cluster = two_machines(alice, sshd)
    services.inspection_start(actor=alice, cluster=cluster)
    before = carried_out()
    services.inspection_start(actor=alice, cluster=cluster, checks=["os.systemd"], hosts=["good"])
    assert Inspection.objects.get().results == before.results
    after = carried_out()
    assert sorted(map(str, states(after, "gone").items())) == sorted(map(str, states(before, "gone").items()))
    assert set(states(after, "good")) == set(states(before, "good"))
    assert after.results[-1]["check"] == "os.systemd" and after.results[-1]["host"] == "good"


def result(host: str, check: str = "hw.ram_role", severity: str = "error") -> dict[str, object]:
    found = {"severity": severity, "message": f"{host} has 512 MB of memory; 1000 MB are needed.", "fix": "Add some."}
    return {"check": check, "title": "There is enough memory", "host": host, "state": "failed", "found": [found]}


def checks(visitor: Visitor) -> str:
    text: str = visitor.get("prechecks").content.decode()
    return text.split('id="checks"')[1].split('class="wizard-foot"')[0]


def test_equal_findings_are_grouped_with_the_measured_values(visitor: Visitor) -> None:
    services.inspection_start(actor=visitor.cluster.owner, cluster=visitor.cluster)
    rows = [result("node1"), result("node2"), result("node3", "time.skew", "warning")]
    Inspection.objects.update(state="done", results=rows)
    text = checks(visitor)
    assert text.count('data-key="hw.ram_role-error"') == 1 and text.count("Add some.") == 2
    assert "node1 has 512 MB" in text and "node2 has 512 MB" in text
    assert text.index("hw.ram_role") < text.index("time.skew")
    assert 'data-key="poll"' not in text


def test_results_of_a_changed_draft_are_out_of_date(visitor: Visitor) -> None:
    services.inspection_start(actor=visitor.cluster.owner, cluster=visitor.cluster)
    Inspection.objects.update(state="done", results=[result("node1")])
    visitor.post("endpoint", {"kind": "none", "domain": "new.example", "port": "6443"}, htmx=True)
    assert "Out of date" in checks(visitor)
    assert "out of date" in visitor.get("review").content.decode().split('id="checked"')[1]
    visitor.client.post(START.format(visitor.cluster.pk), {"check": "hw.ram_role"})
    assert Inspection.objects.get().results == []


def test_it_is_asked_for_from_the_page_and_watched(visitor: Visitor) -> None:
    answer = visitor.client.post(START.format(visitor.cluster.pk), {"host": "node1"}, headers={"HX-Request": "true"})
    assert 'hx-trigger="every 1000ms"' in answer.content.decode()
    assert Inspection.objects.get().hosts == ["node1"]
    assert AuditEntry.objects.filter(deed="inspection.start").count() == 1


def test_strangers_neither_check_nor_look(visitor: Visitor, bob: User) -> None:
    visitor.client.force_login(bob)
    assert visitor.client.post(START.format(visitor.cluster.pk)).status_code == 404
    assert visitor.client.get(f"/clusters/{visitor.cluster.pk}/wizard/prechecks/table/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_plan_that_cannot_be_made_ends_it_with_a_sentence(visitor: Visitor) -> None:
    services.inspection_start(actor=visitor.cluster.owner, cluster=visitor.cluster, checks=["no.such_check"])
    chores = Jobs("worker", Inspection, inspect_row)
    chores.take()
    chores.wait(20)
    row = Inspection.objects.get()
    assert row.state == "failed" and "no.such_check" in row.message


@pytest.mark.django_db(transaction=True)
def test_a_bug_in_slipway_is_reported_and_nothing_waits_forever(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("clusters.runs.jobs.inspections.execute_plan", broken)
    services.inspection_start(actor=visitor.cluster.owner, cluster=visitor.cluster)
    row = carried_out()
    assert row.state == "failed" and "ZeroDivisionError" in row.message
