"""The files and images in `needed` are those that the steps request from the artifact source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog import needed
from clusters.config.kubernetes_versions import known_versions, parse_version
from clusters.config.load_balancers import load_balancers
from clusters.config.plugins import plugins
from clusters.engine.plan import make_plan
from tests.catalog.pretend import PretendSource, pretend, seed

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.engine.source import Artifact, Asker


def newest_of(minor: int) -> str:
    """The newest known patch of Kubernetes 1.MINOR."""
    found = [version for version in known_versions() if parse_version(version).minor == minor]
    return max(found, key=parse_version)


THREE = {"etcd": ["node1", "node2"], "master": ["node1", "node2"], "worker": ["node3"]}
VIRTUAL = "10.99.0.99"
# Each network plugin with the oldest Kubernetes that it is for.
PLUGINS: dict[str, dict[str, Any]] = {
    each.name: {"network": {"plugin": each.name}, "kubernetes": {"version": newest_of(each.releases[0].oldest)}}
    for each in plugins()
    if each.releases
}
BALANCERS: dict[str, dict[str, Any]] = {
    each.name: {
        "controlPlaneEndpoint": {"internalLoadbalancer": each.name} | ({"address": VIRTUAL} if each.virtual else {}),
        "roleGroups": THREE,
    }
    for each in load_balancers()
}
DOCUMENTS: dict[str, dict[str, Any]] = {
    **PLUGINS,
    "seed": {},
    "docker": {"kubernetes": {"containerManager": "docker"}},
    "cri-dockerd": {"kubernetes": {"containerManager": "docker", "version": "v1.28.2"}},
    "crio": {"kubernetes": {"containerManager": "crio", "version": "v1.28.2"}},
    "typha": {"network": {"plugin": "calico", "calico": {"typha": {"enabled": True}}}},
    "static etcd": {"etcd": {"type": "kubeadm"}, "roleGroups": THREE},
    **BALANCERS,
    "private": {"registry": {"privateRegistry": "hub.example"}, "network": {"plugin": "calico"}},
}


class RecordingSource(PretendSource):
    """Records which files and images were requested."""

    def __init__(self, archive: Path) -> None:
        super().__init__(archive)
        self.files: set[tuple[str, str, str, str]] = set()
        self.images: set[str] = set()

    def file(self, component: str, version: str, name: str, arch: str, *, asker: Asker | None = None) -> Artifact:
        """The archive."""
        self.files.add((component, version, name, arch))
        return super().file(component, version, name, arch, asker=asker)

    def image(self, ref: str, arch: str, *, asker: Asker | None = None) -> Artifact | None:
        """None: machines pull."""
        self.images.add(ref)
        return None


@pytest.mark.parametrize("which", DOCUMENTS)
def test_every_file_and_image_that_steps_request_is_listed(
    which: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = seed(**DOCUMENTS[which])
    cluster, _, _ = pretend(monkeypatch, archive, document)
    for name in ("node1", "node2", "node3"):
        source = RecordingSource(archive)
        cluster.source = source
        for row in make_plan(document).steps:
            if row.step is not None and name in row.hosts and row.phase in needs_artifacts:
                list(row.step.body(cluster.machine(name), cluster))
        assert set(needed.files(document, source, name, "amd64")) == source.files, name
        assert set(needed.images(document, source, name)) == source.images, name


needs_artifacts = ("os", "runtime", "images", "etcd", "kubernetes", "endpoint", "network")
