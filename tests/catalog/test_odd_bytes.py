"""A machine's files and processes may have bytes that are not readable text."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from clusters.catalog.prechecks.existing_cluster import leftovers
from clusters.catalog.staticpod import running
from clusters.catalog.steps.etcd import certificates, existing, start
from clusters.catalog.steps.kubernetes import authorities, certificate
from clusters.errors import InstallerError
from tests.catalog.pretend import pretend

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.engine.cluster import Cluster
    from tests.fake_host import FakeHost

ODD = b"\xff\xfe\x80"


@pytest.fixture
def one(archive: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Cluster, FakeHost]:
    """The cluster and its first machine."""
    cluster, hosts, _ = pretend(monkeypatch, archive)
    return cluster, hosts["node1"]


def test_a_command_line_of_odd_bytes_is_read(one: tuple[Cluster, FakeHost]) -> None:
    cluster, host = one
    lines = [b"etcd\0--name\0" + ODD + b"\0", b"etcd\0"]
    host.answer("/proc/", "".join(f"{n} 1 7 {base64.b64encode(line).decode()}\n" for n, line in enumerate(lines, 8)))
    found = running(cluster.machine("node1"), "etcd")
    assert [(each.pid, len(each.command)) for each in found] == [("8", 3), ("9", 1)]


def test_a_file_of_odd_bytes_is_overwritten(one: tuple[Cluster, FakeHost]) -> None:
    cluster, host = one
    host.answer("test -d /var/lib/etcd/member", 0)
    for path in (existing.ENV, certificate.NAMES, certificate.UNSEEN):
        host.put(ODD, path)
    machine = cluster.machine("node1")
    assert start.beginning(machine, cluster)["INITIAL_CLUSTER_STATE"] == "new"
    assert certificate._unseen(machine) == ""
    assert certificate._why_not(machine, ()) == ""


def test_an_authority_of_odd_bytes_goes_to_no_other_machine(one: tuple[Cluster, FakeHost]) -> None:
    cluster, host = one
    for name in authorities.shared(cluster.document):
        host.put(ODD, f"{authorities.PKI}/{name}")
    with pytest.raises(InstallerError, match=r"/etc/kubernetes/pki/ca\.crt on node1 is not PEM: its byte 1"):
        authorities.read(cluster.machine("node2"), cluster)
    host.put(ODD, certificates.CA_KEY)
    with pytest.raises(InstallerError, match=r"ca-key\.pem on node1 is not PEM: its byte 1"):
        certificates.authority_of(cluster.machine("node1"), cluster)


@pytest.mark.parametrize("claim", [ODD, b"[]", b"{}", b"7", json.dumps({"cluster": "another"}).encode()])
def test_an_unreadable_claim_belongs_to_another_cluster(
    claim: bytes, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, node1={"traces": ("/etc/kubernetes/manifests",)})
    hosts["node1"].put(claim, "/etc/slipway/cluster.json")
    (found,) = leftovers(cluster.machine("node1"), cluster)
    assert "node1 belongs to the cluster " in found.message
