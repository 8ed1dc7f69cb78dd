"""The bundle is laid out as upstream does, is what its checksum files say, and runs on a host."""

from __future__ import annotations

import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.lab.bundle import sha256

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("afresh")]

PLACES = {
    "kubernetes/v1.20.2/bin/linux/amd64/kubeadm.sha256",
    "kubernetes/v1.20.2/bin/linux/amd64/kubelet",
    "kubernetes/v1.20.2/bin/linux/amd64/kubectl",
    "etcd/v3.4.23/etcd-v3.4.23-linux-amd64.tar.gz",
    "etcd/v3.4.23/SHA256SUMS",
    "containerd/v1.6.20/containerd-1.6.20-linux-amd64.tar.gz",
    "containerd/v1.6.20/containerd-1.6.20-linux-amd64.tar.gz.sha256sum",
    "runc/v1.1.5/runc.amd64",
    "runc/v1.1.5/runc.sha256sum",
    "cni-plugins/v1.1.1/cni-plugins-linux-amd64-v1.1.1.tgz",
    "cni-plugins/v1.1.1/cni-plugins-linux-amd64-v1.1.1.tgz.sha256",
    "docker/v20.10.24/linux/static/stable/x86_64/docker-20.10.24.tgz",
    "crictl/v1.20.0/crictl-v1.20.0-linux-amd64.tar.gz",
    "crictl/v1.20.0/crictl-v1.20.0-linux-amd64.tar.gz.sha256",
}
IMAGES = {
    "k8s.gcr.io/kube-apiserver:v1.20.2",
    "k8s.gcr.io/kube-controller-manager:v1.20.2",
    "k8s.gcr.io/kube-scheduler:v1.20.2",
    "k8s.gcr.io/kube-proxy:v1.20.2",
    "k8s.gcr.io/pause:3.2",
    "k8s.gcr.io/coredns:1.7.0",
    "k8s.gcr.io/etcd:3.4.13-0",
    "docker.io/library/haproxy:3.2.8-alpine",
    "docker.io/library/busybox:1.35",
}


@pytest.fixture(scope="module")
def index(lab_bundle: Path) -> dict[str, Any]:
    return yaml.safe_load((lab_bundle / "bundle.yaml").read_text())


def test_the_index_names_every_file_with_its_digest_and_size(lab_bundle: Path, index: dict[str, Any]) -> None:
    listed = [file for kind in index["components"].values() for version in kind for file in version["files"]]
    listed += index["images"]
    assert {file["path"] for file in listed} >= PLACES
    for file in listed:
        path = lab_bundle / file["path"]
        assert (sha256(path), path.stat().st_size) == (file["sha256"], file["size"])
    present = {str(path.relative_to(lab_bundle)) for path in lab_bundle.rglob("*") if path.is_file()}
    assert present - {"bundle.yaml"} == {file["path"] for file in listed}


def test_checksum_files_say_what_the_files_are(lab_bundle: Path) -> None:
    for sums in lab_bundle.rglob("*"):
        if not sums.name.endswith((".sha256", ".sha256sum", "SHA256SUMS")):
            continue
        for line in sums.read_text().splitlines():
            digest, _, name = line.partition("  ")
            assert sha256(sums.with_name(name or sums.name.removesuffix(".sha256"))) == digest


def test_images_say_their_names_and_stand_ins_say_that_they_are(lab_bundle: Path, index: dict[str, Any]) -> None:
    assert {image["ref"] for image in index["images"]} == IMAGES
    for image in index["images"]:
        with tarfile.open(lab_bundle / image["path"]) as archive:
            manifest = json.load(archive.extractfile("manifest.json"))
        assert manifest[0]["RepoTags"] == [image["ref"]]
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
        kubernetes/v1.20.2/bin/linux/amd64/kubeadm version -o short
        kubernetes/v1.20.2/bin/linux/amd64/kubelet --version
        /tmp/etcd-*/etcd --version | head -1
        /tmp/cni/bridge 2>&1 | head -1
        ctr -n k8s.io images import images/busybox-1.35.tar >/dev/null
        ctr -n k8s.io images import images/kube-proxy-v1.20.2.tar >/dev/null
        crictl inspecti k8s.gcr.io/kube-proxy:v1.20.2 | grep repoTags
        ctr -n k8s.io run --rm docker.io/library/busybox:1.35 one nslookup 2>&1 | head -1
        ctr -n k8s.io run --rm k8s.gcr.io/kube-proxy:v1.20.2 two iptables -V
        ctr -n k8s.io run --rm k8s.gcr.io/kube-proxy:v1.20.2 three /usr/local/bin/kube-proxy --version
    """
    lab.send("node1", lab_bundle, "/root/bundle")
    said = lab.execute(host.name, script)
    for expected in ("v1.20.2", "Kubernetes v1.20.2", "etcd Version: 3.4.23", "CNI bridge plugin", "repoTags"):
        assert expected in said
    assert "BusyBox v1.35" in said
    assert "iptables v1.8" in said
