"""The connection test of a row against a real sshd: the key is shown and accepted, and the facts are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters import services
from clusters.config.schema import Document, Host, JumpHost
from clusters.config.secret import Secret
from clusters.models import HostKey, Probe
from clusters.runs.access.targets import target_for
from clusters.runs.jobs.host_key_scan import scan_host_keys
from clusters.runs.jobs.probes import probe_row
from tests.remote.bastion import bastion_before
from tests.sshd import Sshd, sshd

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from pytest_django import Settings

    from clusters.models import Cluster

__all__ = ["sshd"]

pytestmark = [pytest.mark.sshd, pytest.mark.django_db(transaction=True)]


def draft(alice: User, sshd: Sshd, password: str) -> Cluster:
    host = Host(name="node1", address="127.0.0.1", port=sshd.port, user=sshd.user, password=Secret(password))
    return services.draft_create(actor=alice, name="real", document=Document(hosts=(host,)))


def outcome_of(cluster: Cluster) -> Probe:
    row = Probe.objects.get(cluster=cluster)
    Probe.objects.filter(pk=row.pk).update(state="running", worker="token")
    probe_row(row.pk, "token")
    row.refresh_from_db()
    return row


def accept_shown(alice: User, cluster: Cluster) -> None:
    shown = {row.host: row.offered["fingerprint"] for row in Probe.objects.filter(cluster=cluster)}
    services.host_keys_accept(actor=alice, cluster=cluster, seen=shown)


def test_the_key_of_a_new_machine_is_accepted_and_its_facts_are_read(alice: User, sshd: Sshd) -> None:
    cluster = draft(alice, sshd, sshd.password)
    services.probes_start(actor=alice, cluster=cluster)
    row = outcome_of(cluster)
    assert row.state == "ask", row.stages
    assert row.offered["fingerprint"] in {key.fingerprint for key in sshd.keys.values()}
    (sight,) = scan_host_keys(cluster.pk, services.document_of(cluster))
    assert sight.offered is not None
    accept_shown(alice, cluster)
    row = outcome_of(cluster)
    assert row.state == "ok", row.stages
    assert [stage["state"] for stage in row.stages] == ["ok"] * 5
    assert row.facts["os_name"]
    (sight,) = scan_host_keys(cluster.pk, services.document_of(cluster))
    assert (sight.offered, sight.trouble) == (None, "")


def test_a_changed_key_stops_and_a_wrong_password_is_reported(alice: User, sshd: Sshd) -> None:
    cluster = draft(alice, sshd, "not-the-password")
    services.probes_start(actor=alice, cluster=cluster)
    outcome_of(cluster)
    accept_shown(alice, cluster)
    row = outcome_of(cluster)
    assert [stage["state"] for stage in row.stages][:3] == ["ok", "ok", "failed"]
    assert "not-the-password" not in str(row.stages)
    old = "AAAAC3NzaC1lZDI1NTE5AAAAIJd0yb0A0m1bEo1yN1yZ0bZqkqSk5mZJ4w0cYh1M1o3d"
    HostKey.objects.update(key=old, fingerprint="SHA256:old")
    row = outcome_of(cluster)
    assert row.state == "failed"
    assert row.stages[1]["state"] == "failed"
    (sight,) = scan_host_keys(cluster.pk, services.document_of(cluster))
    assert "changed" in sight.trouble


def test_the_key_of_a_jump_host_is_asked_about_before_the_machines(alice: User, sshd: Sshd) -> None:
    with bastion_before(sshd) as bastion:
        cluster = draft(alice, sshd, sshd.password)
        hops = f"{bastion.server.user}@127.0.0.1:{bastion.server.port}"
        jump = JumpHost(hops=hops, password=Secret(bastion.server.password))
        document = services.document_of(cluster).model_copy(update={"jump_host": jump})
        cluster = services.draft_update(actor=alice, cluster=cluster, document=document, version=cluster.version)
        services.probes_start(actor=alice, cluster=cluster)
        assert Probe.objects.get().stages[0]["name"] == "jump"
        assert outcome_of(cluster).offered["port"] == bastion.server.port
        (sight,) = scan_host_keys(cluster.pk, document)
        assert (sight.of_jump_host, sight.port) == (True, bastion.server.port)

        accept_shown(alice, cluster)
        row = outcome_of(cluster)
        assert [stage["state"] for stage in row.stages][:3] == ["ok", "ok", "ask"]
        assert "address" not in row.offered

        accept_shown(alice, cluster)
        row = outcome_of(cluster)

    assert [stage["state"] for stage in row.stages] == ["ok"] * 6
    assert set(HostKey.objects.values_list("port", flat=True)) == {bastion.server.port, sshd.port}
    assert bastion.server.password not in str(row.stages)


def test_the_agent_is_offered_only_with_the_setting(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(name="node1", address="10.99.0.1", agent_key="any")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    assert target_for(Document(hosts=(host,)), host).agent_socket is None
    settings.SLIPWAY_SSH_AGENT = True
    assert target_for(Document(hosts=(host,)), host).agent_socket == "/run/agent"
    monkeypatch.delenv("SSH_AUTH_SOCK")
    assert target_for(Document(hosts=(host,)), host).agent_socket == ""
