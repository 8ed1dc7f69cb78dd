"""A slow disk below etcd, and an external etcd that cannot be used, are reported before anything changes."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog import pki
from clusters.catalog.prechecks import etcd
from clusters.engine.check import CHECKS
from clusters.engine.step import machines_for
from tests.catalog.prechecks.findings import found
from tests.catalog.pretend import answers_dials, pretend, seed

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster


AUTHORITY = pki.make_authority("etcd")


CLIENT, OTHER = pki.sign(AUTHORITY, "client", ["client"]), pki.sign(AUTHORITY, "other", ["other"])


ENDPOINTS = ["https://10.9.1.1:2379", "https://10.9.1.2:2379"]


def given(**changes: Any) -> dict[str, Any]:
    return {
        "endpoints": ENDPOINTS,
        "caFile": AUTHORITY.certificate.decode(),
        "certFile": CLIENT.certificate.decode(),
        "keyFile": CLIENT.key.reveal(),
        **changes,
    }


def external_findings(
    monkeypatch: pytest.MonkeyPatch, archive: Path, external: dict[str, Any], **replies: str
) -> list[Finding]:
    cluster: Cluster
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(etcd={"type": "external", "external": external}))
    hosts["node1"].answer("exec 3<>", answers_dials(**replies))
    declared = CHECKS.checks["etcd.external"]
    assert declared.when is not None and declared.when(cluster.document) and not declared.when(seed())
    return list(declared.body(cluster.machine("node1"), cluster))


def test_members_that_listen_and_a_key_that_fits_are_taken(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert external_findings(monkeypatch, archive, given()) == []
    assert external_findings(monkeypatch, archive, {"endpoints": ["http://10.9.1.1:2379"]}) == []


@pytest.mark.parametrize("endpoint", ["https://[::1", "http://h:99999999", "https://h:x", "https:///x"])
def test_an_endpoint_that_is_no_address_is_told_and_the_others_are_tried(
    endpoint: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = external_findings(monkeypatch, archive, given(endpoints=[endpoint, *ENDPOINTS]), **{"10.9.1.1/2379": ""})
    assert refusals[0].message == f"{endpoint} is not the address of an etcd member." and refusals[0].blocking
    assert len(refusals) == 2 and "10.9.1.1:2379" in refusals[1].message


def test_refusing_is_no_answer_of_an_etcd_and_one_member_of_several_is_a_warning(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = "connect: Connection refused"
    one = external_findings(monkeypatch, archive, given(), **{"10.9.1.2/2379": refused})
    assert [(each.message, each.blocking) for each in one] == [
        ("node1 cannot reach the external etcd at 10.9.1.2:2379: refused: nothing listens there.", False)
    ]
    both = external_findings(monkeypatch, archive, given(), **{"10.9.1.1/2379": "", "10.9.1.2/2379": refused})
    assert [each.blocking for each in both] == [True, True]
    assert "10.9.1.1:2379: timed out after 3 s" in both[0].message


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"keyFile": OTHER.key.reveal()}, "the key does not belong to the certificate"),
        ({"certFile": "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----"}, "is not valid PEM"),
    ],
)
def test_a_certificate_that_does_not_serve_is_told(
    changes: dict[str, str], why: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (finding,) = external_findings(monkeypatch, archive, given(**changes))
    assert why in finding.message and finding.blocking
    assert OTHER.key.reveal() not in finding.message


def test_a_certificate_that_has_ended_is_told(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pki, "YEARS", 0)
    ended = pki.sign(AUTHORITY, "client", ["client"])
    (finding,) = external_findings(
        monkeypatch, archive, given(certFile=ended.certificate.decode(), keyFile=ended.key.reveal())
    )
    assert "the certificate expired on" in finding.message


@pytest.mark.parametrize(("version", "refused"), [("3.5.21", True), ("3.5.24", False), ("3.7.0", False), ("", False)])
def test_a_member_that_is_too_old_for_kubeadm_is_told(
    version: str, refused: bool, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    external = {"endpoints": ["http://10.9.1.1:2379"]}
    document = seed(kubernetes={"version": "v1.37.2"}, etcd={"type": "external", "external": external})
    cluster, hosts, _ = pretend(monkeypatch, archive, document)
    hosts["node1"].answer("exec 3<>", answers_dials())
    hosts["node1"].answer("GET /version", f'HTTP/1.0 200 OK\n\n{{"etcdserver":"{version}","etcdcluster":"3.5.0"}}')
    found = list(CHECKS.checks["etcd.external"].body(cluster.machine("node1"), cluster))
    assert [each.message for each in found] == refused * [
        f"The external etcd at http://10.9.1.1:2379 runs {version}; kubeadm v1.37.2 needs 3.5.24 or newer."
    ]


def copied(*milliseconds: float) -> str:
    lines = [f"2300 bytes (2.3 kB, 2.2 KiB) copied, {each / 1000:.6f} s, 2.8 MB/s" for each in milliseconds]
    return "1+0 records in\n1+0 records out\n" + "\n".join(lines)


def test_a_slow_disk_under_etcd_is_a_warning_with_what_was_measured(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node1"].answer("oflag=dsync", copied(*[2.0] * 45, *[30.0] * 5))
    (finding,) = found("etcd.fsync_p90", cluster)
    assert finding.severity.value == "warning"
    assert finding.message == ("On node1 90% of 50 synchronous writes took up to 30.0 ms; etcd needs 10 ms or less.")
    hosts["node1"].answer("oflag=dsync", copied(*[2.0] * 47, *[30.0] * 3))
    assert not found("etcd.fsync_p90", cluster)
    hosts["node1"].answer("oflag=dsync", "dd: invalid flag")
    assert not found("etcd.fsync_p90", cluster), "what was not measured is not complained of"


def test_the_disk_is_really_written_and_nothing_stays(tmp_path: Path) -> None:
    command = etcd.measure_fsync(str(tmp_path / "not" / "there" / "yet"))
    ran = subprocess.run(["/bin/sh", "-c", command.text], check=True, capture_output=True, text=True)
    assert ran.stdout.count("copied, ") == etcd.FSYNC_WRITES, ran.stdout
    assert list(tmp_path.iterdir()) == []


def test_only_machines_that_get_etcd_are_measured() -> None:
    groups = {"etcd": ["node3"], "master": ["node1", "node2"], "worker": []}
    assert machines_for("etcd-member", seed(roleGroups=groups)) == ("node3",)
    assert machines_for("etcd-member", seed(roleGroups=groups, etcd={"type": "kubeadm"})) == ("node1", "node2")
    assert machines_for("etcd-member", seed(roleGroups=groups, etcd={"type": "external"})) == ()
