"""An action that happens once is audited once, however many users do it at the same moment."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Group
from django.db import connections
from django.test import Client
from django.urls import reverse

from clusters import services
from clusters.models import AuditEntry, AuditForward, Cluster, Inspection, PasswordLimit, Session, hashed
from clusters.models.probe import Probe
from clusters.services.inspections import precheck_key
from tests.web.site import session_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User

    from clusters.models import Run


def count(deed: str) -> int:
    return AuditEntry.objects.filter(deed=deed).count()


@pytest.mark.django_db
def test_a_cluster_that_is_gone_is_not_deleted_again(alice: User, cluster: Cluster) -> None:
    stale = Cluster.objects.get(pk=cluster.pk)
    assert services.draft_delete(actor=alice, cluster=cluster)
    assert not services.draft_delete(actor=alice, cluster=stale)
    assert count("draft.delete") == 1


@pytest.mark.django_db
def test_a_run_is_cancelled_once(alice: User, make_run: Callable[..., Run]) -> None:
    for state in ("queued", "running"):
        run = make_run(state=state, worker="me")
        before = count("run.cancel")
        for _ in range(3):
            services.run_cancel(actor=alice, run=run)
        assert count("run.cancel") == before + 1, state
        type(run).objects.filter(pk=run.pk).update(state="failed")
        services.run_cancel(actor=alice, run=run)
        assert count("run.cancel") == before + 1, "one that is over"


@pytest.mark.django_db
def test_an_account_is_deactivated_once(admin: User, alice: User) -> None:
    stale = type(alice).objects.get(pk=alice.pk)
    assert services.accounts_deactivate(actor=admin, users=[alice]) == ["alice"]
    assert services.accounts_deactivate(actor=admin, users=[stale]) == []
    assert count("account.deactivate") == 1


@pytest.mark.django_db
def test_a_group_is_deleted_once() -> None:
    group = Group.objects.create(name="crew")
    stale = Group.objects.get(pk=group.pk)
    group.delete()
    stale.delete()
    assert count("group.delete") == 1


@pytest.mark.django_db
def test_a_limit_is_lifted_and_a_receiver_tried_again_once(admin: User) -> None:
    limit = PasswordLimit.objects.create(kind=PasswordLimit.Kind.ACCOUNT, subject="alice", failures=3)
    AuditForward.objects.create(way="webhook", given_up=True, tries=9)
    for _ in range(3):
        services.password_limit_lift(actor=admin, pk=limit.pk)
        services.audit_forward_again(actor=admin, way="webhook")
    assert (count("password.lifted"), count("audit.forward")) == (1, 1)


@pytest.mark.django_db
def test_the_same_acknowledgement_of_a_precheck_is_given_once(alice: User, bob: User, cluster: Cluster) -> None:
    found = [{"severity": "warning", "message": "node1 has 512 MB.", "fix": ""}]
    results = [{"check": "hw.ram_role", "host": "node1", "found": found}]
    Inspection.objects.create(cluster=cluster, state="done", version=cluster.version, results=results)
    key = precheck_key("hw.ram_role", "warning")
    for _ in range(3):
        services.precheck_waive(actor=alice, cluster=cluster, key=key, given=True)
    assert count("waiver.give") == 1
    bob.is_superuser = True
    bob.save()
    services.precheck_waive(actor=bob, cluster=cluster, key=key, given=True)
    assert count("waiver.give") == 2, "somebody else's is another one"


@pytest.mark.django_db
def test_the_same_text_is_acknowledged_once_by_each_person(alice: User, admin: User, seed: str) -> None:
    cluster, _findings = services.draft_import(
        actor=alice, text=f"{seed}  dns: {{nodeEtcHosts: 10.66.6.6 hub.example}}\n"
    )
    assert cluster is not None
    (text,) = services.texts_unread(actor=alice, cluster=cluster)
    for _ in range(3):
        assert services.text_acknowledge(actor=alice, cluster=cluster, digest=text.digest)
    assert count("text.acknowledge") == 1
    assert services.text_acknowledge(actor=admin, cluster=cluster, digest=text.digest)
    assert count("text.acknowledge") == 2
    cluster.refresh_from_db()
    assert [each["by"] for each in cluster.acknowledged_texts] == ["alice", "root"]


@pytest.mark.django_db
def test_a_precheck_is_not_waived_for_a_run_that_was_active_already(
    alice: User, make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    check = "hw.ram_role"
    run = make_run(state="failed", failures=[{"step": f"precheck/{check}", "host": "node1"}])
    active = make_run(state="running", worker="me")
    monkeypatch.setattr("clusters.services.attempts.run_retry", lambda **_more: active)
    services.run_waive(actor=alice, run=run, check=check, reason="a machine for tests")
    assert count("run.waive") == 0


def at_once(deed: Callable[[int], object], times: int = 8) -> list[Any]:
    """The results of eight threads that do it together; raises what they raised."""
    begin = threading.Barrier(times)
    results: list[Any] = []
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            begin.wait(60)
            results.append(deed(number))
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


def browsers(session: str, times: int = 8) -> list[Client]:
    """The same number of tabs of one browser."""
    found = [Client() for _ in range(times)]
    for each in found:
        each.cookies["sessionid"] = session
    return found


@pytest.mark.django_db(transaction=True)
def test_eight_simultaneous_deletions_of_a_cluster_are_one_entry(alice: User, cluster: Cluster) -> None:
    tabs = browsers(session_of(alice))
    address = reverse("cluster-delete", args=[cluster.pk])
    answers = at_once(lambda number: tabs[number].post(address, {"name": "sample"}).status_code)
    assert set(answers) <= {302, 404}
    assert (count("draft.delete"), Cluster.objects.count()) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_eight_simultaneous_sign_outs_are_one_entry(alice: User) -> None:
    tabs = browsers(session_of(alice))
    before = count("logout")
    at_once(lambda number: tabs[number].post(reverse("logout")).status_code)
    assert count("logout") == before + 1


@pytest.mark.django_db(transaction=True)
def test_a_session_that_is_ended_by_eight_requests_at_once_is_one_entry(alice: User) -> None:
    other = hashed(session_of(alice))
    ended = at_once(lambda _number: services.session_end(actor=alice, session=other))
    assert sorted(ended) == [False] * 7 + [True]
    assert (count("session.end"), Session.objects.filter(pk=other).count()) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_a_cluster_that_eight_requests_of_a_page_open_at_once_is_one_entry(admin: User, cluster: Cluster) -> None:
    tabs = browsers(session_of(admin))
    at_once(lambda number: tabs[number].get(reverse("cluster", args=[cluster.pk])).status_code)
    assert count("cluster.open") == 1


@pytest.mark.django_db(transaction=True)
def test_a_key_that_eight_requests_accept_at_once_is_one_entry(alice: User, cluster: Cluster) -> None:
    services.probes_start(actor=alice, cluster=cluster, hosts=["node1"])
    offered = {"key_type": "ssh-ed25519", "key": "QUJD", "fingerprint": "SHA256:abc"}
    Probe.objects.filter(cluster=cluster, host="node1").update(offered=offered, state="ask")
    before = count("probe.start")
    at_once(lambda _n: services.host_keys_accept(actor=alice, cluster=cluster, seen={"node1": "SHA256:abc"}))
    assert (count("hostkey.accept"), count("probe.start")) == (1, before + 1)
