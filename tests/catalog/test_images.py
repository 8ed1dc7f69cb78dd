"""The names of images: upstream's, and those in a private registry, the same everywhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from clusters.catalog import kubeadm
from clusters.catalog.images import image_ref, registry_of
from clusters.engine.plan import make_plan
from clusters.engine.step import STEPS
from clusters.engine.wants import FileWant
from tests.catalog.pretend import pretend, seed
from tests.plans import newest_patches

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE = {"privateRegistry": "hub.example.com:5000"}
KNOWN = re.compile(r"(k8s\.gcr\.io|registry\.k8s\.io|docker\.io|quay\.io|ghcr\.io|gcr\.io)/")
REWRITE = {"policy": "changePrefix", "src": ["kubesphere"], "dest": "mine"}


@pytest.mark.parametrize(
    ("registry", "ref", "name"),
    [
        ({}, "k8s.gcr.io/pause:3.2", "k8s.gcr.io/pause:3.2"),
        ({}, "calico/node:v3.29", "docker.io/calico/node:v3.29"),
        ({}, "busybox", "docker.io/library/busybox"),
        ({}, "localhost:5000/a/b@sha256:00", "localhost:5000/a/b@sha256:00"),
        (PRIVATE, "k8s.gcr.io/pause:3.2", "hub.example.com:5000/kubesphere/pause:3.2"),
        (PRIVATE, "registry.k8s.io/coredns/coredns:v1.9.3", "hub.example.com:5000/coredns/coredns:v1.9.3"),
        (PRIVATE, "docker.io/library/haproxy:3", "hub.example.com:5000/library/haproxy:3"),
        (PRIVATE, "ghcr.io/kube-vip/kube-vip:v1", "hub.example.com:5000/kube-vip/kube-vip:v1"),
        (PRIVATE, "quay.io/tigera@sha256:00", "hub.example.com:5000/library/tigera@sha256:00"),
        ({"privateRegistry": "hub/lib"}, "k8s.gcr.io/pause:3.2", "hub/lib/kubesphere/pause:3.2"),
        ({**PRIVATE, "namespaceOverride": "all"}, "docker.io/calico/node:1", "hub.example.com:5000/all/node:1"),
        ({**PRIVATE, "namespaceRewrite": REWRITE}, "k8s.gcr.io/pause:3.2", "hub.example.com:5000/mine/pause:3.2"),
        ({**PRIVATE, "namespaceRewrite": REWRITE}, "calico/node:1", "hub.example.com:5000/mine/calico/node:1"),
        ({"namespaceOverride": "all"}, "k8s.gcr.io/pause:3.2", "k8s.gcr.io/pause:3.2"),
    ],
)
def test_an_images_name_follows_the_registry_section(registry: dict[str, Any], ref: str, name: str) -> None:
    assert image_ref(seed(registry=registry), ref) == name


@pytest.mark.parametrize("manager", ["containerd", "docker", "crio"])
@pytest.mark.parametrize("version", [*newest_patches()[:2], *newest_patches()[-4:], "v1.20.2"])
def test_with_a_private_registry_no_file_names_another_one(
    version: str, manager: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = seed(
        kubernetes={"version": version, "containerManager": manager},
        registry=PRIVATE,
        controlPlaneEndpoint={"internalLoadbalancer": "haproxy"},
        roleGroups={"etcd": ["node1"], "master": ["node1", "node2"], "worker": ["node3"]},
    )
    cluster, _, _ = pretend(monkeypatch, archive, document)
    written: dict[str, str] = {}
    for row in make_plan(document).steps:
        if row.path in STEPS.steps:
            for name in row.hosts:
                for want in STEPS.steps[row.path].body(cluster.machine(name), cluster):
                    assert not KNOWN.search(want.what), want.what
                    if isinstance(want, FileWant):
                        written[f"{name}:{want.path}"] = want.content.decode()
    assert len(written) > 15
    assert {path: text for path, text in written.items() if KNOWN.search(text)} == {}
    named = {
        each
        for text in written.values()
        for each in re.findall(r"[\w.:-]+/[\w./-]*(?:pause|haproxy)[\w-]*:[\w.-]+", text)
    }
    assert {registry_of(each) for each in named} == {"hub.example.com:5000"}


@pytest.mark.parametrize(
    ("version", "dns"),
    [
        ("v1.20.2", {"type": "CoreDNS", "imageRepository": "hub.example.com:5000/kubesphere"}),
        ("v1.34.2", {"imageRepository": "hub.example.com:5000/coredns"}),
    ],
)
def test_kubeadm_gets_the_registry_of_its_images(
    version: str, dns: dict[str, str], archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, seed(kubernetes={"version": version}, registry=PRIVATE))
    whole = list(yaml.safe_load_all(kubeadm.init_configuration(cluster.machine("node1"), cluster)))[1]
    assert whole["imageRepository"] == "hub.example.com:5000/kubesphere"
    assert whole["dns"] == dns
