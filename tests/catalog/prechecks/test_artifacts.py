"""Files that the artifact source lacks, and releases that do not fit, are reported."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from clusters.catalog.prechecks import artifacts
from clusters.catalog.sources import open_source
from clusters.catalog.sources.unopened import Unopened
from clusters.errors import SourceError
from tests.catalog.prechecks.findings import found
from tests.catalog.pretend import pretend, seed

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


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
        "https://k8s.example/kubeadm cannot be fetched: no route. The same applies to kubectl, kubelet."
    )
    assert len(asked) == len(set(asked)), "a file that several machines get is asked for once"
    assert any("looked up 8 files; 4 are available" in getattr(event, "text", "") for event in sink.events)


def test_each_architecture_is_asked_for(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, node3={"arch": "arm64"})
    asked: set[tuple[str, str]] = set()
    monkeypatch.setattr(cluster.source, "look_for", lambda component, version, name, arch: asked.add((component, arch)))
    assert not found("artifact.source", cluster)
    assert {("kubernetes", "amd64"), ("kubernetes", "arm64"), ("etcd", "amd64")} <= asked
    assert ("etcd", "arm64") not in asked, "node3 is not a member of etcd"


def test_a_source_that_does_not_answer_in_time_is_told(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive)
    over = threading.Event()

    def look_for(component: str, version: str, name: str, arch: str) -> None:
        if name == "kubelet":
            over.wait(30)

    monkeypatch.setattr(cluster.source, "look_for", look_for)
    monkeypatch.setattr(artifacts, "LOOKUP_SECONDS", 0.2)
    (finding,) = found("artifact.source", cluster)
    over.set()
    assert finding.message.startswith("The artifact source did not answer within 0 s whether it has kubelet")


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
