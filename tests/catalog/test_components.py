"""The catalogue of components: upstream, bundles and checksum files as they are published."""

from __future__ import annotations

import hashlib
import tarfile
from typing import TYPE_CHECKING

import pytest

from clusters.catalog.components import ANY, components, digest_in, file_names, published, version_for
from clusters.catalog.runtimes import docker
from clusters.config.kubernetes_versions import known_versions, parse_version
from clusters.config.plugins import releases_of
from clusters.errors import ConfigError, SourceError
from tests.lab import bundle_1_20, layout

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4

# As kubespray (download.yml and, for the checksum files, components.py) writes these addresses for Kubernetes 1.34.2.
ADDRESSES = """
kubernetes kubeadm https://dl.k8s.io/release/v1.34.2/bin/linux/arm64/kubeadm .sha256
kubernetes kubelet https://dl.k8s.io/release/v1.34.2/bin/linux/arm64/kubelet .sha256
kubernetes kubectl https://dl.k8s.io/release/v1.34.2/bin/linux/arm64/kubectl .sha256
etcd - https://github.com/etcd-io/etcd/releases/download/v3.6.5/etcd-v3.6.5-linux-arm64.tar.gz SHA256SUMS
containerd - https://github.com/containerd/containerd/releases/download/v1.7.34/containerd-1.7.34-linux-arm64.tar.gz .sha256sum
runc - https://github.com/opencontainers/runc/releases/download/v1.3.6/runc.arm64 runc.sha256sum
cni-plugins - https://github.com/containernetworking/plugins/releases/download/v1.6.2/cni-plugins-linux-arm64-v1.6.2.tgz .sha256
crictl - https://github.com/kubernetes-sigs/cri-tools/releases/download/v1.34.0/crictl-v1.34.0-linux-arm64.tar.gz .sha256
helm - https://get.helm.sh/helm-v3.18.5-linux-arm64.tar.gz .sha256sum
calico calico.yaml https://raw.githubusercontent.com/projectcalico/calico/v3.31.7/manifests/calico.yaml pinned
cilium - https://helm.cilium.io/cilium-1.19.6.tgz pinned
kubeovn - https://kubeovn.github.io/kube-ovn/kube-ovn-v1.15.24.tgz pinned
hybridnet - https://github.com/alibaba/hybridnet/releases/download/helm-chart-0.6.8/hybridnet-0.6.8.tgz pinned
"""  # noqa: E501 - addresses


@pytest.mark.parametrize("line", ADDRESSES.strip().splitlines(), ids=lambda line: line.partition(" https")[0])
def test_addresses_are_those_that_the_projects_publish(line: str) -> None:
    component, name, url, sums = line.split()
    version = version_for(component, "v1.34.2")
    arch = "arm64" if components()[component].kind == "program" else ANY
    name = file_names(component, version, arch)[0] if name == "-" else name
    found = published(component, version, name, arch)
    assert found.url == url
    if sums == "pinned":
        assert (found.sums_url, len(found.sha256)) == ("", 64)
        return
    folder = url.rpartition("/")[0]
    assert found.sums_url == (url + sums if sums.startswith(".") else f"{folder}/{sums}")


def test_every_component_of_every_known_version_has_an_address() -> None:
    for text in known_versions():
        for component, known in components().items():
            if component == "kubeovn" and parse_version(text).minor < 23:
                with pytest.raises(ConfigError, match="kubeovn has no release"):
                    version_for(component, text)
                continue
            version = version_for(component, text)
            for arch in ("amd64", "arm64") if known.kind == "program" else (ANY,):
                for name in file_names(component, version, arch):
                    found = published(component, version, name, arch)
                    assert "{" not in "".join((found.url, found.path, found.sums_url, found.sums_path))
                    assert bool(found.sha256) != bool(found.sums_url)


def test_every_release_of_a_plugin_is_pinned_and_no_other() -> None:
    pinned = {component: {place.partition("/")[0] for place in known.pins} for component, known in components().items()}
    for plugin in ("calico", "cilium", "kubeovn", "hybridnet"):
        assert pinned[plugin] == {release.version for release in releases_of(plugin)}


def test_a_release_that_is_not_pinned_is_refused() -> None:
    with pytest.raises(SourceError, match=r"does not know the SHA-256 of calico.yaml of calico v3.99.0") as caught:
        published("calico", "v3.99.0", "calico.yaml", ANY)
    assert "bundle" in caught.value.hint
    with pytest.raises(SourceError, match="for amd64"):
        published("calico", "v3.27.4", "calico.yaml", "amd64")


def test_the_labs_bundle_has_the_catalogs_layout(tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    names = ("containerd", "containerd-shim", "containerd-shim-runc-v1", "containerd-shim-runc-v2", "ctr")
    for name in (*names, "docker", "tini-static"):
        _program(programs / "usr/bin" / name)
    for name in (
        "usr/bin/etcd",
        "usr/bin/etcdctl",
        "usr/sbin/runc",
        "usr/lib/cni/bridge",
        "usr/sbin/dockerd",
        "usr/sbin/docker-proxy",
    ):
        _program(programs / name)
    for name in ("kubeadm", "kubelet", "kubectl", "crictl"):
        _program(programs / name)
    root = tmp_path / "bundle"
    folder = programs / "usr/bin"
    releases = (
        layout.place_kubernetes(root, programs, "v1.37.2"),
        layout.place_etcd(root, {name: folder / name for name in ("etcd", "etcdctl")}, "v3.7.0"),
        layout.place_containerd(root, {name: folder / name for name in names}, "v2.4.2"),
        layout.place_runc(root, programs / "usr/sbin/runc", "v1.5.3"),
        layout.place_cni(root, (programs / "usr/lib/cni").iterdir(), "v1.10.0"),
        layout.place_crictl(root, programs / "crictl", "v1.37.0"),
    )
    placed = {(release.name, release.version): release.files for release in releases}
    not_there = {"helm", "calico", "cilium", "kubeovn", "hybridnet", "cri-dockerd"}
    assert {component for component, _ in placed} | {"docker"} == set(components()) - not_there
    for (component, version), paths in placed.items():
        there = {str(path.relative_to(root)) for path in paths}
        files = [published(component, version, name, "amd64") for name in file_names(component, version, "amd64")]
        assert there == {place for each in files for place in (each.path, each.sums_path)}
        for each in files:
            digest = digest_in((root / each.sums_path).read_text(), each.path.rpartition("/")[2])
            assert digest == hashlib.sha256((root / each.path).read_bytes()).hexdigest()


def test_the_labs_docker_archive_has_upstreams_layout(tmp_path: Path) -> None:
    for name in ("bin/docker", "bin/containerd", "bin/containerd-shim-runc-v2", "bin/ctr", "bin/tini-static"):
        _program(tmp_path / "programs/usr" / name)
    for name in ("dockerd", "docker-proxy", "runc"):
        _program(tmp_path / "programs/usr/sbin" / name)
    release = bundle_1_20._place_docker(tmp_path / "bundle", tmp_path / "programs")
    version, (archive,) = release.version, release.files
    (name,) = file_names("docker", version, "amd64")
    assert str(archive.relative_to(tmp_path / "bundle")) == f"docker/{version}/linux/static/stable/x86_64/{name}"
    with tarfile.open(archive) as opened:
        assert {f"docker/{each}" for each in docker.PROGRAMS} <= set(opened.getnames())


def test_components_without_published_checksums_are_pinned() -> None:
    for component in ("docker", "cri-dockerd"):
        version = version_for(component, "v1.34.2")
        for arch in ("amd64", "arm64"):
            (name,) = file_names(component, version, arch)
            found = published(component, version, name, arch)
            assert len(found.sha256) == 64 and not found.sums_url
    assert "x86_64/docker-24.0.9.tgz" in published("docker", "v24.0.9", "docker-24.0.9.tgz", "amd64").url
    with pytest.raises(SourceError, match="its project publishes none"):
        published("docker", "v99.0.0", "docker-99.0.0.tgz", "amd64")


def _program(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(path.name.encode())


@pytest.mark.parametrize(
    "text",
    [
        DIGEST,
        f"{DIGEST}\n",
        f"{DIGEST.upper()}  runc.amd64\n",
        f"{OTHER}  runc.arm64\n{DIGEST} *runc.amd64\n",
        f"{OTHER}  runc.amd64.asc\n{DIGEST}  ./runc.amd64\r\n",
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{OTHER} *libseccomp.tar.gz\n{DIGEST} *runc.amd64\n"
        "-----BEGIN PGP SIGNATURE-----\n\niQIz\n-----END PGP SIGNATURE-----\n",
    ],
    ids=["bare", "bare with newline", "upper case", "binary mode", "dot slash", "signed"],
)
def test_a_digest_is_found_in_every_published_form(text: str) -> None:
    assert digest_in(text, "runc.amd64") == DIGEST


@pytest.mark.parametrize(
    "text", ["", "<html>404</html>", f"{OTHER}  runc.arm64\n", f"{DIGEST[:-1]}  runc.amd64\n", f"{DIGEST} {OTHER}"]
)
def test_a_text_without_the_file_has_no_digest(text: str) -> None:
    assert digest_in(text, "runc.amd64") is None


def test_unpublished_files_are_refused() -> None:
    with pytest.raises(SourceError, match="amd64 and arm64 only"):
        published("runc", "v1.3.6", "runc.arm", "arm")
    with pytest.raises(SourceError, match="not one of the files of runc"):
        published("runc", "v1.3.6", "kubelet", "amd64")
    with pytest.raises(SourceError, match="'weave' is not a component"):
        version_for("weave", "v1.34.2")
