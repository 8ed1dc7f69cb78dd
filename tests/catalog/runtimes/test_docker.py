"""Docker: its configuration, its connection to the kubelet, and the settings for restricted machines."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from clusters.catalog import kubeadm
from clusters.catalog.runtimes import docker, gentle, runtime_of
from clusters.catalog.runtimes.docker.components import ENGINE, SHIM
from clusters.config.kubernetes_versions import CRI_DOCKERD, DOCKER
from clusters.engine.check import CHECKS
from clusters.engine.plan import make_plan
from tests.catalog.pretend import pretend, seed
from tests.catalog.runtimes.documents import REGISTRY
from tests.catalog.runtimes.reading import golden

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.catalog.components import Component

OLD = {"containerManager": "docker"}
NEW = {"containerManager": "docker", "version": "v1.34.2"}


def test_docker_gets_cgroups_logs_and_registries(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {"dockerDataDir": "/data/docker", "bridgeIP": "172.30.0.1/16"}
    cluster, _, _ = pretend(monkeypatch, archive, seed(kubernetes=OLD, registry={**REGISTRY, **places}))
    settings = docker.daemon(cluster.machine("node1"), cluster)
    golden("daemon.json", json.dumps(settings, indent=2) + "\n")
    assert settings["exec-opts"] == ["native.cgroupdriver=systemd"]
    assert settings["insecure-registries"] == ["old.example.com", "plain.example.com", "self.example.com"]
    assert settings["data-root"] == "/data/docker" and settings["bip"] == "172.30.0.1/16"
    assert "default-runtime" not in settings


def test_the_old_key_for_dockers_directory_counts(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, seed(kubernetes=OLD, registry={"dataRoot": "/old/docker"}))
    assert docker.daemon(cluster.machine("node1"), cluster)["data-root"] == "/old/docker"


@pytest.mark.parametrize(
    ("kubernetes", "socket", "steps"),
    [
        (OLD, "/var/run/dockershim.sock", {"runtime/binaries", "runtime/docker"}),
        (NEW, "unix:///run/cri-dockerd.sock", {"runtime/binaries", "runtime/docker", "runtime/cri-dockerd"}),
    ],
)
def test_the_kubelets_version_decides_how_it_reaches_docker(
    kubernetes: dict[str, str], socket: str, steps: set[str], archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = seed(kubernetes=kubernetes)
    cluster, _, _ = pretend(monkeypatch, archive, document)
    init = next(iter(yaml.safe_load_all(kubeadm.init_configuration(cluster.machine("node1"), cluster))))
    assert init["nodeRegistration"]["criSocket"] == socket
    assert {step.path for step in make_plan(document).steps if step.phase == "runtime"} == steps
    programs = [want.what for want in docker.binaries(cluster.machine("node1"), cluster)]
    assert any("cri-dockerd" in what for what in programs) is (kubernetes is NEW)


def test_cri_dockerd_gets_cni_and_the_pause_image() -> None:
    document = seed(kubernetes=NEW, registry={"privateRegistry": "hub.example.com"})
    text = docker.cri_unit(document)
    golden("cri-dockerd.service", text)
    assert "--pod-infra-container-image hub.example.com/kubesphere/pause:3.10.1" in text
    assert runtime_of(document).unit == "cri-dockerd"


def test_the_service_of_docker(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, seed(kubernetes=OLD), node2={"can_lower_oom": False})
    golden("docker.service", docker.unit(cluster.machine("node1")))
    assert "OOMScoreAdjust" not in docker.unit(cluster.machine("node2"))
    weak = docker.daemon(cluster.machine("node2"), cluster)
    assert weak["default-runtime"] == "gentle" and weak["runtimes"]["gentle"]["path"] == gentle.PATH
    wanted = [want.what for want in docker.docker(cluster.machine("node2"), cluster)]
    assert any(gentle.PATH in what for what in wanted)


@pytest.mark.parametrize(
    ("ref", "name"),
    [
        ("docker.io/library/haproxy:3.2", "haproxy:3.2"),
        ("docker.io/calico/node:v3.29", "calico/node:v3.29"),
        ("k8s.gcr.io/pause:3.2", "k8s.gcr.io/pause:3.2"),
        ("hub.example.com/library/haproxy:3", "hub.example.com/library/haproxy:3"),
    ],
)
def test_images_are_checked_by_the_names_that_docker_lists(ref: str, name: str) -> None:
    assert runtime_of(seed(kubernetes=OLD)).has(ref).text == f"docker image inspect {name} >/dev/null 2>&1"


def test_a_pull_command_contains_no_login(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = runtime_of(seed(kubernetes=OLD, registry=REGISTRY)).pull("hub.example.com:5000/kubesphere/pause:3.2").text
    assert command == "docker --config /etc/slipway/registries pull -q hub.example.com:5000/kubesphere/pause:3.2"


def test_the_gentle_runc_removes_rights_that_the_machine_lacks(tmp_path: Path) -> None:
    script = tmp_path / "runc"
    script.write_text(gentle.TEXT.replace(f"exec {gentle.RUNC}", "echo"))
    config = tmp_path / "config.json"
    asked = {"process": {"capabilities": {"bounding": ["CAP_CHOWN", "CAP_NONE", "CAP_BPF"]}, "oomScoreAdj": -1001}}
    config.write_text(json.dumps(asked, separators=(",", ":")))
    done = subprocess.run(
        ["/bin/sh", str(script), "--root", "/x", "create", "--bundle", str(tmp_path), "id"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["--root", "/x", "create", "--bundle", str(tmp_path), "id"]
    process = json.loads(config.read_text())["process"]
    own = int((tmp_path / "/proc/self/oom_score_adj").read_text())
    assert process["oomScoreAdj"] == own
    line = next(line for line in (tmp_path / "/proc/self/status").read_text().splitlines() if "CapBnd" in line)
    has = int(line.split()[1], 16)
    names = gentle.CAPABILITIES.split()
    ours = [f"CAP_{name}" for number, name in enumerate(names) if has >> number & 1]
    assert process["capabilities"]["bounding"] == [
        name for name in ("CAP_CHOWN", "CAP_NONE", "CAP_BPF") if name in ours or name == "CAP_NONE"
    ]


def test_a_docker_that_somebody_uses_is_not_taken_over_in_passing(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node2"].answer("docker ps -q", "abc\ndef\n")
    machine, check = cluster.machine("node2"), CHECKS.checks["cri.unused"]
    (finding,) = check.body(machine, cluster)
    assert "node2 runs 2 containers" in finding.message
    hosts["node2"].put(b"{}", "/etc/slipway/cluster.json")
    assert not list(check.body(machine, cluster)), "an earlier run of this Slipway is not a stranger"


@pytest.mark.parametrize(("component", "version"), [(ENGINE, DOCKER), (SHIM, CRI_DOCKERD)])
def test_the_files_that_nobody_publishes_checksums_of_are_pinned(component: Component, version: str) -> None:
    for arch in ("amd64", "arm64"):
        pinned = [digest for place, digest in component.pins.items() if version in place and arch in place]
        assert [len(digest) for digest in pinned] == [64], arch
