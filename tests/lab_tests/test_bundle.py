"""The bundle has upstream's layout, matches its checksum files, and runs on a host."""

from __future__ import annotations

import json
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.lab.layout import sha256

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("afresh")]

BEFORE = pytest.param("bundle_before", marks=pytest.mark.series_before)
BUNDLES = ("lab_bundle", BEFORE, pytest.param("seed_era_bundle", marks=pytest.mark.seed_era))
PLACES = {
    "lab_bundle": {
        "kubernetes/v1.37.2/bin/linux/amd64/kubeadm.sha256",
        "kubernetes/v1.37.2/bin/linux/amd64/kubelet",
        "kubernetes/v1.37.2/bin/linux/amd64/kubectl",
        "etcd/v3.7.0/etcd-v3.7.0-linux-amd64.tar.gz",
        "etcd/v3.7.0/SHA256SUMS",
        "containerd/v2.4.2/containerd-2.4.2-linux-amd64.tar.gz",
        "containerd/v2.4.2/containerd-2.4.2-linux-amd64.tar.gz.sha256sum",
        "runc/v1.5.3/runc.amd64",
        "runc/v1.5.3/runc.sha256sum",
        "cni-plugins/v1.10.0/cni-plugins-linux-amd64-v1.10.0.tgz",
        "cni-plugins/v1.10.0/cni-plugins-linux-amd64-v1.10.0.tgz.sha256",
        "crictl/v1.37.0/crictl-v1.37.0-linux-amd64.tar.gz",
        "crictl/v1.37.0/crictl-v1.37.0-linux-amd64.tar.gz.sha256",
    },
    "bundle_before": {
        "kubernetes/v1.36.3/bin/linux/amd64/kubeadm.sha256",
        "etcd/v3.6.8/etcd-v3.6.8-linux-amd64.tar.gz",
    },
    "seed_era_bundle": {
        "kubernetes/v1.20.2/bin/linux/amd64/kubelet",
        "etcd/v3.4.23/etcd-v3.4.23-linux-amd64.tar.gz",
        "containerd/v1.6.20/containerd-1.6.20-linux-amd64.tar.gz",
        "docker/v20.10.24/linux/static/stable/x86_64/docker-20.10.24.tgz",
        "crictl/v1.20.0/crictl-v1.20.0-linux-amd64.tar.gz",
    },
}
IMAGES = {
    "lab_bundle": {
        *(f"registry.k8s.io/{name}:v1.37.2" for name in ("kube-apiserver", "kube-controller-manager")),
        *(f"registry.k8s.io/{name}:v1.37.2" for name in ("kube-scheduler", "kube-proxy")),
        "registry.k8s.io/pause:3.10.2",
        "registry.k8s.io/coredns/coredns:v1.14.6",
        "registry.k8s.io/etcd:3.7.0-0",
        "docker.io/library/haproxy:2.6.12",
        "docker.io/library/busybox:1.35",
    },
    "bundle_before": {
        *(f"registry.k8s.io/{name}:v1.36.3" for name in ("kube-apiserver", "kube-controller-manager")),
        *(f"registry.k8s.io/{name}:v1.36.3" for name in ("kube-scheduler", "kube-proxy")),
        "registry.k8s.io/pause:3.10.2",
        "registry.k8s.io/coredns/coredns:v1.14.2",
        "registry.k8s.io/etcd:3.6.8-0",
        "docker.io/library/haproxy:2.6.12",
        "docker.io/library/busybox:1.35",
    },
    "seed_era_bundle": {
        *(f"k8s.gcr.io/{name}:v1.20.2" for name in ("kube-apiserver", "kube-controller-manager")),
        *(f"k8s.gcr.io/{name}:v1.20.2" for name in ("kube-scheduler", "kube-proxy")),
        "k8s.gcr.io/pause:3.2",
        "k8s.gcr.io/coredns:1.7.0",
        "k8s.gcr.io/etcd:3.4.13-0",
        "docker.io/library/haproxy:3.2.8-alpine",
        "docker.io/library/busybox:1.35",
    },
}


@pytest.fixture(scope="module", params=BUNDLES)
def which(request: pytest.FixtureRequest) -> str:
    """The name of a bundle's fixture."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def bundle(request: pytest.FixtureRequest, which: str) -> Path:
    """The bundle itself."""
    found: Path = request.getfixturevalue(which)
    return found


@pytest.fixture(scope="module")
def index(bundle: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((bundle / "bundle.yaml").read_text())
    return found


def test_the_index_names_every_file_with_its_digest_and_size(bundle: Path, which: str, index: dict[str, Any]) -> None:
    listed = [file for kind in index["components"].values() for version in kind for file in version["files"]]
    listed += index["images"]
    assert {file["path"] for file in listed} >= PLACES[which]
    for file in listed:
        path = bundle / file["path"]
        assert (sha256(path), path.stat().st_size) == (file["sha256"], file["size"])
    present = {str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file()}
    assert present - {"bundle.yaml"} == {file["path"] for file in listed}


def test_checksum_files_match_the_files(bundle: Path) -> None:
    for sums in bundle.rglob("*"):
        if not sums.name.endswith((".sha256", ".sha256sum", "SHA256SUMS")):
            continue
        for line in sums.read_text().splitlines():
            digest, _, name = line.partition("  ")
            assert sha256(sums.with_name(name or sums.name.removesuffix(".sha256"))) == digest


def test_images_have_the_names_that_kubeadm_asks_for(bundle: Path, which: str, index: dict[str, Any]) -> None:
    assert {image["ref"] for image in index["images"]} == IMAGES[which]
    for image in index["images"]:
        with tarfile.open(bundle / image["path"]) as archive:
            member = archive.extractfile("manifest.json")
            assert member is not None
            manifest = json.load(member)
        assert manifest[0]["RepoTags"] == [image["ref"]]


@pytest.mark.parametrize("which", BUNDLES[:2], indirect=True)
def test_todays_bundles_have_no_stand_ins(index: dict[str, Any], bundle: Path) -> None:
    releases = [release for kind in index["components"].values() for release in kind]
    assert [each["note"] for each in (*releases, *index["images"]) if each["note"]] == []
    (kubeadm,) = bundle.glob("kubernetes/*/bin/linux/amd64/kubeadm")
    version = kubeadm.parents[3].name
    asked = subprocess.run(
        [kubeadm, "config", "images", "list", "--kubernetes-version", version], capture_output=True, text=True
    )
    assert asked.returncode == 0, asked.stderr
    assert set(asked.stdout.split()) <= {image["ref"] for image in index["images"]}


@pytest.mark.seed_era
def test_stand_ins_in_the_1_20_bundle_are_marked(seed_era_bundle: Path) -> None:
    index = yaml.safe_load((seed_era_bundle / "bundle.yaml").read_text())
    noted = {image["ref"] for image in index["images"] if image["note"].startswith("a stand-in")}
    assert noted == {"k8s.gcr.io/coredns:1.7.0", "k8s.gcr.io/etcd:3.4.13-0"}
    assert index["components"]["crictl"][0]["note"].startswith("a stand-in")


def test_programs_and_images_work_on_a_host(lab: Lab, lab_bundle: Path) -> None:
    (host, *_) = lab.up(1)
    script = """
        cd /root/bundle
        tar -C /usr/local -xzf containerd/*/*.tar.gz
        tar -C /usr/local/bin -xzf crictl/*/*.tar.gz
        tar -C /tmp -xzf etcd/*/*.tar.gz
        mkdir /tmp/cni && tar -C /tmp/cni -xzf cni-plugins/*/*.tgz
        install runc/*/runc.amd64 /usr/local/sbin/runc
        systemd-run --quiet --unit=containerd --property=Delegate=yes /usr/local/bin/containerd
        for try in $(seq 100); do ctr version >/dev/null 2>&1 && break; sleep 0.1; done
        kubernetes/*/bin/linux/amd64/kubeadm version -o short
        kubernetes/*/bin/linux/amd64/kubelet --version
        /tmp/etcd-*/etcd --version | head -1
        containerd --version; runc --version | head -1; crictl --version
        /tmp/cni/bridge --version 2>&1 | head -1
        ctr -n k8s.io images import images/busybox-1.35.tar >/dev/null
        ctr -n k8s.io images import images/kube-proxy-v1.37.2.tar >/dev/null
        ctr -n k8s.io images import images/coredns-v1.14.6.tar >/dev/null
        crictl -r unix:///run/containerd/containerd.sock inspecti registry.k8s.io/kube-proxy:v1.37.2 | grep repoTags
        ctr -n k8s.io run --rm docker.io/library/busybox:1.35 one nslookup 2>&1 | grep BusyBox
        ctr -n k8s.io run --rm registry.k8s.io/kube-proxy:v1.37.2 two iptables -V
        ctr -n k8s.io run --rm registry.k8s.io/kube-proxy:v1.37.2 three nft --version
        ctr -n k8s.io run --rm registry.k8s.io/kube-proxy:v1.37.2 four /usr/local/bin/kube-proxy --version
        ctr -n k8s.io run --rm registry.k8s.io/coredns/coredns:v1.14.6 five /coredns -version
    """
    lab.send("node1", lab_bundle, "/root/bundle")
    output = lab.execute(host.name, script)
    for expected in (
        *("v1.37.2", "Kubernetes v1.37.2", "etcd Version: 3.7.0", "containerd/v2 v2.4.2", "runc version 1.5.3"),
        *("crictl version v1.37.0", "CNI bridge plugin v1.10.0", "repoTags", "BusyBox v1.35", "iptables v1.8"),
        *("nftables v1.0", "CoreDNS-1.14.6"),
    ):
        assert expected in output, output
