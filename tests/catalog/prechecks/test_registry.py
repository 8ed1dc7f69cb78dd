"""Registries that a machine cannot reach, and missing certificates, are reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.engine.check import CHECKS
from tests.catalog.prechecks.findings import found
from tests.catalog.pretend import answers_dials, pretend, seed

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_certificates_of_registries_have_to_be_on_the_machine(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    auths = {"hub.example.com": {"certsPath": "/etc/ssl/hub"}}
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(registry={"auths": auths}))
    hosts["node2"].answer("for f in /etc/ssl/hub/ca.crt", "/etc/ssl/hub/ca.crt\n")
    check = CHECKS.checks["registry.files_there"]
    assert not list(check.body(cluster.machine("node1"), cluster))
    (finding,) = check.body(cluster.machine("node2"), cluster)
    assert finding.message == "node2 has no /etc/ssl/hub/ca.crt."


def test_a_public_registry_out_of_reach_is_a_warning_and_a_private_one_an_error(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    assert not found("registry.reachable", cluster, "node2")
    hosts["node2"].answer("exec 3<>", answers_dials(**{"k8s.gcr.io": ""}))
    (finding,) = found("registry.reachable", cluster, "node2")
    assert finding.severity.value == "warning"
    assert "node2 cannot reach k8s.gcr.io, where images come from (https://k8s.gcr.io: timed out" in finding.message
    private = {"privateRegistry": "hub.example:5000", "insecureRegistries": ["hub.example:5000"]}
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(registry=private))
    hosts["node2"].answer("exec 3<>", answers_dials(**{"hub.example/5000": "connect: Connection refused"}))
    (finding,) = found("registry.reachable", cluster, "node2")
    assert finding.severity.value == "error" and "hub.example:5000" in finding.message and "refused" in finding.message
    hosts["node2"].answer("exec 3<>", answers_dials(**{"k8s.gcr.io": ""}))
    assert not found("registry.reachable", cluster, "node2")


def test_a_registry_whose_name_the_document_brings_is_tried_at_its_address(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = seed(registry={"privateRegistry": "hub.example"}, dns={"nodeEtcHosts": "10.99.0.50 hub.example\n"})
    cluster, hosts, _ = pretend(monkeypatch, archive, document)
    hosts["node2"].answer("exec 3<>", answers_dials(**{"hub.example": "hub.example: Name or service not known"}))
    assert not found("registry.reachable", cluster, "node2")


def test_a_mirror_that_is_no_address_is_told_and_the_others_are_tried(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrors = {"k8s.gcr.io": {"endpoint": ["https://[::1", "http://h:99999999", "http://mirror.example:8080"]}}
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(registry={"remoteMirrors": mirrors}))
    hosts["node2"].answer("exec 3<>", answers_dials(**{"mirror.example/8080": ""}))
    told = [(each.message, each.blocking) for each in found("registry.reachable", cluster, "node2")]
    assert told[:2] == [
        ("https://[::1, where images come from, is not an address.", True),
        ("http://h:99999999, where images come from, is not an address.", True),
    ]
    assert len(told) == 3 and "node2 cannot reach http://mirror.example:8080" in told[2][0]


def test_a_mirror_out_of_reach_is_a_warning_as_long_as_another_way_is_open(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = seed(registry={"remoteMirrors": {"k8s.gcr.io": {"endpoint": ["http://mirror.example:8080"]}}})
    cluster, hosts, _ = pretend(monkeypatch, archive, document)
    hosts["node2"].answer("exec 3<>", answers_dials(**{"mirror.example/8080": ""}))
    (finding,) = found("registry.reachable", cluster, "node2")
    assert "node2 cannot reach http://mirror.example:8080, a mirror of k8s.gcr.io: timed out" in finding.message
    hosts["node2"].answer("exec 3<>", answers_dials(**{"k8s.gcr.io": ""}))
    assert not found("registry.reachable", cluster, "node2"), "the mirror has the images"


def test_nobody_asks_a_registry_for_images_that_are_in_the_bundle(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    monkeypatch.setattr(cluster.source, "has_image", lambda ref, arch: True)
    assert not found("registry.reachable", cluster, "node2")
    assert not hosts["node2"].ran


def test_public_registries_are_tried_through_the_documents_proxy(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(registry={"httpProxy": "http://proxy.example:3128"}))
    hosts["node2"].answer("exec 3<>", answers_dials(**{"k8s.gcr.io": "", "docker.io": ""}))
    assert not found("registry.reachable", cluster, "node2")
    hosts["node2"].answer("exec 3<>", answers_dials(**{"proxy.example/3128": ""}))
    assert "k8s.gcr.io" in found("registry.reachable", cluster, "node2")[0].message
    private = {"httpProxy": "http://proxy.example:3128", "privateRegistry": "hub.example:5000"}
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(registry=private))
    hosts["node2"].answer("exec 3<>", answers_dials(**{"hub.example/5000": ""}))
    (finding,) = found("registry.reachable", cluster, "node2")
    assert "hub.example:5000" in finding.message
