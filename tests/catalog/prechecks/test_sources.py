"""Whether files and images can be had: artifact.source and registry.reachable."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from clusters.catalog.prechecks import artifacts
from clusters.catalog.sources import open_source
from clusters.catalog.sources.unopened import Unopened
from clusters.engine.check import CHECKS
from clusters.errors import SourceError
from tests.catalog.pretend import answers_dials, pretend, seed

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster


def found(check: str, cluster: Cluster, name: str = "node1") -> list[Finding]:
    return list(CHECKS.checks[check].body(cluster.machine(name), cluster))


def test_files_with_the_same_trouble_are_told_together(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, sink = pretend(monkeypatch, archive)
    asked: list[tuple[str, str]] = []

    def look_for(component: str, version: str, name: str, arch: str) -> None:
        asked.append((name, arch))
        if component == "kubernetes":
            raise SourceError(f"https://k8s.example/{name} cannot be fetched: no route.", hint="Check the network.")
        if component == "runc":
            raise SourceError("https://gh.example/runc does not exist.", hint="Is the version right?")

    monkeypatch.setattr(cluster.source, "look_for", look_for)
    runc, kubernetes = sorted(found("artifact.source", cluster), key=lambda each: each.hint, reverse=True)
    assert runc.message == "https://gh.example/runc does not exist." and runc.hint == "Is the version right?"
    assert kubernetes.message == (
        "https://k8s.example/kubeadm cannot be fetched: no route. It is the same with kubectl, kubelet."
    )
    assert len(asked) == len(set(asked)), "a file that several machines get is asked for once"
    assert any("looked for 8 files, 4 are there" in getattr(event, "text", "") for event in sink.events)


def test_each_architecture_is_asked_for(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, node3={"arch": "arm64"})
    asked: set[tuple[str, str]] = set()
    monkeypatch.setattr(cluster.source, "look_for", lambda component, version, name, arch: asked.add((component, arch)))
    assert not found("artifact.source", cluster)
    assert {("kubernetes", "amd64"), ("kubernetes", "arm64"), ("etcd", "amd64")} <= asked
    assert ("etcd", "arm64") not in asked, "node3 is no member of etcd"


def test_a_source_that_does_not_answer_in_time_is_told(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive)
    over = threading.Event()

    def look_for(component: str, version: str, name: str, arch: str) -> None:
        if name == "kubelet":
            over.wait(30)

    monkeypatch.setattr(cluster.source, "look_for", look_for)
    monkeypatch.setattr(artifacts, "WITHIN", 0.2)
    (finding,) = found("artifact.source", cluster)
    over.set()
    assert finding.message.startswith("The artifact source did not say within 0 s whether it has kubelet")


def test_a_version_the_source_lacks_is_told_with_those_it_has(
    archive: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    digest = {"path": "kubeadm", "sha256": "0" * 64}
    (tmp_path / "bundle.yaml").write_text(
        f"components: {{kubernetes: [{{version: v1.20.9, arch: amd64, files: [{digest}]}}]}}\n"
    )
    cluster, _, _ = pretend(monkeypatch, archive)
    cluster.source = open_source(str(tmp_path), cache=tmp_path)
    (finding,) = found("artifact.source", cluster)
    assert "no Kubernetes v1.20.2" in finding.message and "v1.20.9" in finding.hint


def test_a_source_that_cannot_be_opened_is_a_finding_among_others(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, _, _ = pretend(monkeypatch, archive)
    cluster.source = Unopened(SourceError("/srv/bundle/bundle.yaml is not the index.", hint="Copy it again."))
    (finding,) = found("artifact.source", cluster)
    assert finding.message == "/srv/bundle/bundle.yaml is not the index." and finding.hint == "Copy it again."
    assert not found("registry.reachable", cluster, "node2"), "whether it has images is not known"


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


def test_parts_that_are_not_tested_with_this_kubernetes_are_a_warning(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, _, _ = pretend(
        monkeypatch, archive, seed(kubernetes={"version": "v1.37.2", "containerManager": "containerd"})
    )
    has = {"containerd": "v1.7.27", "etcd": "v3.7.0"}
    monkeypatch.setattr(cluster.source, "version_of", lambda component, version: has.get(component, "v1.0.0"))
    (told,) = found("artifact.fit", cluster)
    assert told.message.startswith("The artifact source brings containerd v1.7.27: containerd's project names 2.2.0")
    assert not told.blocking
    has["containerd"] = "v2.4.2"
    assert found("artifact.fit", cluster) == []
