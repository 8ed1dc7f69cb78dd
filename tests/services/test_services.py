"""The actions: checked, audited, and correct when two users press at once."""

from __future__ import annotations

import hmac
import json
import threading
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import PermissionDenied
from django.db import connections

from clusters import services
from clusters.config.defaults import STARTER_KUBERNETES, starter_document
from clusters.config.finding import Finding, Severity
from clusters.config.load import load
from clusters.config.schema import JumpHost
from clusters.config.secret import Secret
from clusters.models import AuditEntry, Cluster, HostKey, Probe, Run
from clusters.runs.jobs.probes import spec_digest
from clusters.services import installs
from tests.conftest import SEED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.contrib.auth.models import User
    from pytest_django import Settings

    from tests.conftest import BundleOf


@pytest.fixture
def no_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installs, "findings_of", lambda cluster, document, waivers=(), **options: ())


def deeds() -> list[str]:
    """The audit entries, except those of accounts from fixtures."""
    return list(AuditEntry.objects.exclude(deed="account.create").order_by("id").values_list("deed", flat=True))


def test_a_new_draft_starts_from_the_defaults_and_belongs_to_its_maker(alice: User) -> None:
    cluster = services.draft_create(actor=alice, name="harbour")
    document = services.document_of(cluster)
    assert (cluster.owner, cluster.name, document.name) == (alice, "harbour", "harbour")
    assert document.kubernetes.version == STARTER_KUBERNETES
    assert deeds() == ["draft.create"]


def test_a_new_draft_asks_for_the_newest_proven_version_of_the_source(alice: User, bundle_of: BundleOf) -> None:
    bundle_of("v1.36.4", "v1.36.3", "v1.20.2")
    cluster = services.draft_create(actor=alice, name="harbour")
    assert services.document_of(cluster).kubernetes.version == "v1.36.3"


def test_a_draft_from_a_document_does_not_query_the_source(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def unexpected_version() -> str:
        raise AssertionError("The source was asked.")

    monkeypatch.setattr("clusters.services.drafts.starter_version", unexpected_version)
    document = starter_document("v1.20.2")
    cluster = services.draft_create(actor=alice, name="harbour", document=document)
    assert services.document_of(cluster).kubernetes.version == "v1.20.2"


def test_a_draft_keeps_its_secrets_through_a_save(cluster: Cluster, alice: User) -> None:
    document = services.document_of(cluster)
    again = document.model_copy(update={"name": "renamed"})
    saved = services.draft_update(actor=alice, cluster=cluster, document=again, version=1)
    assert (saved.version, saved.name) == (2, "renamed")
    assert services.document_of(saved) == again


def test_a_save_over_someone_elses_save_is_refused(cluster: Cluster, alice: User) -> None:
    document = services.document_of(cluster)
    services.draft_update(actor=alice, cluster=cluster, document=document, version=1)
    with pytest.raises(services.DraftConflict, match="version 1"):
        services.draft_update(actor=alice, cluster=cluster, document=document, version=1)


@pytest.mark.parametrize("verb", ["draft_update", "draft_delete", "probes_start", "run_start", "config_export"])
def test_other_users_may_do_nothing(cluster: Cluster, bob: User, verb: str) -> None:
    more = {"document": services.document_of(cluster), "version": 1} if verb == "draft_update" else {}
    with pytest.raises(PermissionDenied):
        getattr(services, verb)(actor=bob, cluster=cluster, **more)
    assert deeds() == []


def test_an_unreadable_import_reports_why_and_creates_nothing(alice: User) -> None:
    cluster, findings = services.draft_import(actor=alice, text="spec:\n\t- x")
    assert cluster is None
    assert any(finding.blocking for finding in findings)
    assert not Cluster.objects.exists()


def test_an_import_makes_a_draft(alice: User, seed: str) -> None:
    cluster, _ = services.draft_import(actor=alice, text=seed)
    assert cluster is not None
    assert [host.name for host in services.document_of(cluster).hosts] == ["node1", "node2", "node3"]


def test_an_export_in_the_dialect_of_the_draft_is_the_file_as_it_was_written(alice: User, seed: str) -> None:
    text = f"# Ours. Its old password: hush-1, and Testing123\n{seed}".replace("port: 6443", "port: 6443  # not 8443")
    cluster, _ = services.draft_import(actor=alice, text=text)
    assert cluster is not None
    assert services.config_export(actor=alice, cluster=cluster, with_secrets=True) == text
    found = services.config_export(actor=alice, cluster=cluster)
    assert "port: 6443  # not 8443" in found and found.startswith("# Ours. Its old password: ••••")
    assert not any(secret in found for secret in ("Testing123", "Qcloud@123", "hush-1"))
    assert [finding.id for finding in load(found).findings] == ["secret.masked"] * 3
    other = services.config_export(actor=alice, cluster=cluster, dialect="v1alpha1")
    assert "# Ours" not in other and "Testing123" not in other


def test_an_export_has_secrets_only_on_request_and_is_audited(cluster: Cluster, alice: User) -> None:
    assert "Testing123" not in services.config_export(actor=alice, cluster=cluster)
    assert "Testing123" in services.config_export(actor=alice, cluster=cluster, with_secrets=True)
    assert [
        entry.details["with_secrets"] for entry in AuditEntry.objects.filter(deed="config.export").order_by("id")
    ] == [
        False,
        True,
    ]


def test_a_kubeconfig_exists_only_after_delivery(cluster: Cluster, alice: User) -> None:
    with pytest.raises(services.NothingDelivered):
        services.kubeconfig_export(actor=alice, cluster=cluster)
    cluster.kubeconfig = "apiVersion: v1"
    assert services.kubeconfig_export(actor=alice, cluster=cluster) == "apiVersion: v1"
    assert deeds() == ["kubeconfig.export"]


def test_findings_that_block_refuse_the_run(cluster: Cluster, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    found = (Finding("a", Severity.ERROR, "No master."), Finding("b", Severity.WARNING, "Hm."))
    monkeypatch.setattr(installs, "findings_of", lambda cluster, document, waivers=(), **options: found)
    with pytest.raises(services.RunRefused, match=r"1 finding must be fixed first: No master\.") as caught:
        services.run_start(actor=alice, cluster=cluster)
    assert [finding.id for finding in caught.value.findings] == ["a"]
    assert not Run.objects.exists()


@pytest.mark.usefixtures("no_findings")
def test_a_run_freezes_the_document(cluster: Cluster, alice: User) -> None:
    run = services.run_start(actor=alice, cluster=cluster, waivers=["memory"], reason="it is a small lab")
    assert (run.waivers, run.state, run.cluster.state) == (["memory"], "queued", "installing")
    changed = services.document_of(cluster).model_copy(update={"name": "other"})
    with pytest.raises(services.DraftBusy, match="nothing in it can be changed"):
        services.draft_update(actor=alice, cluster=cluster, document=changed, version=1)
    services.run_cancel(actor=alice, run=run)
    services.draft_update(actor=alice, cluster=cluster, document=changed, version=1)
    run.refresh_from_db()
    assert services.document_of(run).name == "sample"


@pytest.mark.usefixtures("no_findings")
def test_a_second_press_gives_the_same_run(cluster: Cluster, alice: User) -> None:
    first = services.run_start(actor=alice, cluster=cluster)
    assert services.run_start(actor=alice, cluster=cluster) == first
    assert deeds() == ["run.start"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_findings")
def test_two_presses_at_the_same_moment_make_one_run(cluster: Cluster, alice: User) -> None:
    start = threading.Barrier(4)
    got: list[int] = []

    def press() -> None:
        start.wait()
        got.append(services.run_start(actor=alice, cluster=Cluster.objects.get(pk=cluster.pk)).pk)
        connections.close_all()

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 4
    assert len(set(got)) == 1
    assert Run.objects.count() == 1


@pytest.mark.usefixtures("no_findings")
def test_a_retry_is_a_new_attempt_with_the_present_document(
    cluster: Cluster, alice: User, make_run: Callable[..., Run]
) -> None:
    failed = make_run(state="failed", waivers=["memory"])
    changed = services.document_of(cluster).model_copy(update={"name": "repaired"})
    services.draft_update(actor=alice, cluster=cluster, document=changed, version=1)
    run = services.run_retry(actor=alice, run=failed)
    assert (run.attempt, run.retry_of, run.waivers) == (2, failed, ["memory"])
    assert services.document_of(run).name == "repaired"
    assert services.run_retry(actor=alice, run=failed) == run


def test_a_run_that_waits_is_cancelled_at_once(cluster: Cluster, alice: User, make_run: Callable[..., Run]) -> None:
    run = make_run()
    services.run_cancel(actor=alice, run=run)
    assert (run.state, run.last_seq) == ("cancelled", 1)
    assert run.events.get().data["state"] == "cancelled"
    cluster.refresh_from_db()
    assert cluster.state == "draft"


def test_a_cancel_after_the_end_changes_nothing(alice: User, make_run: Callable[..., Run]) -> None:
    run = make_run(state="succeeded")
    services.run_cancel(actor=alice, run=run)
    assert (run.state, run.cancel_asked_at) == ("succeeded", None)


def test_a_cluster_with_an_active_run_stays(cluster: Cluster, alice: User, make_run: Callable[..., Run]) -> None:
    make_run(state="running")
    with pytest.raises(Exception, match="still active"):
        services.draft_delete(actor=alice, cluster=cluster)
    Run.objects.update(state="failed")
    services.draft_delete(actor=alice, cluster=cluster)
    assert not Cluster.objects.exists()


def test_a_key_is_pinned_only_for_the_machine_that_showed_it(cluster: Cluster, alice: User) -> None:
    services.probes_start(actor=alice, cluster=cluster)
    offered = {"key_type": "ssh-ed25519", "key": "AAAA", "fingerprint": "SHA256:x"}
    Probe.objects.filter(host__in=["node1", "node2"]).update(state="ask", offered=offered)
    Probe.objects.filter(host="node2").update(spec_digest="of another address")
    services.host_keys_accept(actor=alice, cluster=cluster, seen=dict.fromkeys(("node1", "node2", "node3"), "SHA256:x"))
    assert list(HostKey.objects.values_list("address", "fingerprint", "accepted_by")) == [
        ("10.99.0.1", "SHA256:x", alice.pk)
    ]
    assert Probe.objects.get(host="node1").state == "waiting"
    assert Probe.objects.get(host="node2").state == "ask"


def test_the_digest_of_a_machine_changes_with_its_password_but_hides_it(cluster: Cluster) -> None:
    document = services.document_of(cluster)
    host = document.hosts[0]
    other = host.model_copy(update={"password": Secret("else")})
    assert spec_digest(document, host) == spec_digest(document, host.model_copy())
    assert spec_digest(document, host) != spec_digest(document, other)
    assert len(spec_digest(document, host)) == 64


def test_the_digest_of_a_machine_changes_with_the_jump_host_that_counts_for_it(cluster: Cluster) -> None:
    document = services.document_of(cluster)
    direct = document.hosts[0].model_copy(update={"jump_host": JumpHost(hops="none")})
    changed = document.model_copy(update={"jump_host": JumpHost(hops="bastion", password=Secret("one"))})
    again = document.model_copy(update={"jump_host": JumpHost(hops="bastion", password=Secret("two"))})
    digests = {spec_digest(each, document.hosts[0]) for each in (document, changed, again)}
    assert len(digests) == 3
    assert spec_digest(changed, direct) == spec_digest(document, document.hosts[0])


def test_no_secret_is_in_the_audit(cluster: Cluster, alice: User) -> None:
    document = services.document_of(cluster)
    services.draft_update(actor=alice, cluster=cluster, document=document, version=1)
    services.probes_start(actor=alice, cluster=cluster)
    services.config_export(actor=alice, cluster=cluster, with_secrets=True)
    entries = json.dumps([[entry.deed, entry.target, entry.details] for entry in AuditEntry.objects.all()])
    assert "Testing123" not in entries
    assert "Qcloud" not in entries


def test_practice_machines_come_from_their_file(settings: Settings, tmp_path: Path) -> None:
    settings.SLIPWAY_PRACTICE_FILE = str(tmp_path / "machines.json")
    assert services.practice_machines() == ()
    row = {"name": "node1", "address": "10.0.0.1", "user": "ubuntu", "password": "Testing123"}
    (tmp_path / "machines.json").write_text(json.dumps({"hosts": [row]}))
    (host,) = services.practice_machines()
    assert (host.name, host.user, str(host.password)) == ("node1", "ubuntu", "••••••••")
    (tmp_path / "machines.json").write_text("hosts: {")
    with pytest.raises(services.ConfigError, match="practice machines"):
        services.practice_machines()


@pytest.mark.django_db
def test_the_first_administrator_is_created_once_and_must_choose_a_password() -> None:
    made = services.first_admin()
    assert made is not None
    name, password = made
    from django.contrib.auth import get_user_model

    user = get_user_model().objects.get(username=name)
    assert user.check_password(password)
    assert user.account.must_change_password
    assert services.first_admin() is None
    services.password_changed(actor=user)
    user.account.refresh_from_db()
    assert not user.account.must_change_password


def test_comments_and_order_of_an_imported_file_survive_an_edit(alice: User, seed: str) -> None:
    own = seed.replace("  hosts:\n", "  # the machines in the cellar\n  hosts:\n").replace(
        "    port: 6443\n", "    port: 6443  # as everywhere\n"
    )
    cluster, _findings = services.draft_import(actor=alice, text=own)
    assert cluster is not None
    document = services.document_of(cluster)
    moved = document.control_plane_endpoint.model_copy(update={"domain": "api.cellar.example"})
    changed = document.model_copy(update={"control_plane_endpoint": moved})
    cluster = services.draft_update(actor=alice, cluster=cluster, document=changed, version=cluster.version)
    assert cluster.document == own.replace("lb.kubesphere.local", "api.cellar.example")


def test_a_test_behind_a_jump_host_from_before_there_were_credentials_still_counts() -> None:
    jump = {"hops": "bastion", "password": "Testing123"}
    document = load(SEED).document
    assert document is not None
    host = document.hosts[0].model_copy(update={"jump_host": JumpHost.model_validate(jump)})
    row = host.model_dump(mode="python", include={"name", "address", "internal_address", "port", "user"})
    row |= {"password": host.password and host.password.reveal(), "private_key": None, "private_key_path": ""}
    before = {"hops": "bastion", "password": "Testing123", "private_key": None, "private_key_path": "", "agent_key": ""}
    row |= {"jump_host": before}
    expected = hmac.digest(
        django_settings.SECRET_KEY.encode(), json.dumps(row, sort_keys=True).encode(), "sha256"
    ).hex()
    assert spec_digest(document, host) == expected
