"""CRI-O: its drop-in and its registries, as golden files; CRI-O itself was never run."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from clusters.catalog import kubeadm
from clusters.catalog.runtimes import crio, runtime_of
from clusters.engine.check import CHECKS
from tests.catalog.pretend import pretend, seed
from tests.catalog.runtimes.documents import REGISTRY
from tests.catalog.runtimes.reading import golden

if TYPE_CHECKING:
    from pathlib import Path

CRIO = {"containerManager": "crio", "version": "v1.34.2"}


def test_crio_gets_cgroups_networks_and_the_pause_image(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, seed(kubernetes=CRIO, registry=REGISTRY))
    text = crio.drop_in(cluster)
    golden("crio.conf", text)
    settings = tomllib.loads(text)["crio"]
    assert settings["image"]["pause_image"] == "hub.example.com:5000/kubesphere/pause:3.10.1"
    assert settings["image"]["global_auth_file"] == "/etc/slipway/registries/config.json"
    assert settings["runtime"] == {"cgroup_manager": "systemd", "conmon_cgroup": "pod"}
    assert "hub-password" not in text
    assert "criSocket: unix:///var/run/crio/crio.sock" in kubeadm.init_configuration(cluster.machine("node1"), cluster)


def test_crio_gets_mirrors_and_insecure_registries() -> None:
    text = crio.registry_settings(seed(kubernetes=CRIO, registry=REGISTRY))
    golden("registries.conf", text)
    read = {each["prefix"]: each for each in tomllib.loads(text)["registry"]}
    assert read["docker.io"]["mirror"] == [{"location": "mirror.example.com", "insecure": False}]
    assert [each["insecure"] for each in read["quay.io"]["mirror"]] == [True, True]
    assert read["plain.example.com"]["insecure"] is True and "hub.example.com:5000" not in read


def test_skopeo_copies_images_of_a_bundle_into_crios_storage() -> None:
    command = runtime_of(seed(kubernetes=CRIO)).load("k8s.gcr.io/pause:3.2").text
    assert command.endswith("skopeo copy docker-archive:$archive containers-storage:k8s.gcr.io/pause:3.2")
    assert "cat > $archive" in command and "rm -f $archive" in command


@pytest.mark.parametrize(
    ("kubernetes", "output", "blocking", "words"),
    [
        ("v1.34.2", "crio version 1.34.1\nVersion: 1.34.1", None, ""),
        ("v1.34.2", "crio version 1.32.0-dev", False, "CRI-O 1.32.0-dev; its project tests each minor version"),
        ("v1.34.2", "crio version 1.20.9", True, "the kubelet of v1.34.2 works only with CRI-O 1.21.0 and newer"),
        ("v1.20.2", "crio version 1.26.4", True, "the kubelet of v1.20.2 works only with CRI-O older than 1.26.0"),
        ("v1.34.2", "", None, ""),
    ],
)
def test_the_version_of_crio_is_checked(
    kubernetes: str, output: str, blocking: bool | None, words: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(kubernetes=CRIO | {"version": kubernetes}))
    hosts["node1"].answer("crio --version", output)
    found = list(CHECKS.checks["cri.crio_there"].body(cluster.machine("node1"), cluster))
    assert [each.blocking for each in found] == ([] if blocking is None else [blocking])
    assert all(words in each.message for each in found)


def test_cri_o_has_to_be_there_where_it_is_chosen(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(kubernetes={"containerManager": "crio"}))
    check = CHECKS.checks["cri.crio_there"]
    assert check.when is not None and check.when(cluster.document) and not check.when(seed())
    hosts["node2"].answer("command -v crio", 1)
    assert not list(check.body(cluster.machine("node1"), cluster))
    (finding,) = check.body(cluster.machine("node2"), cluster)
    assert "node2 has no CRI-O" in finding.message


@pytest.mark.parametrize(
    ("mirror", "location"),
    [
        ("https://harbor.example.com/v2/cache", "harbor.example.com/cache"),
        ("https://a.example.com/v2/", "a.example.com"),
    ],
)
def test_a_mirror_below_the_apis_root_does_not_get_that_root_twice(mirror: str, location: str) -> None:
    text = crio.registry_settings(seed(kubernetes=CRIO, registry={"registryMirrors": [mirror]}))
    assert tomllib.loads(text)["registry"][0]["mirror"][0]["location"] == location
