"""What differs between Kubernetes versions."""

from __future__ import annotations

import pytest

from clusters.config import versions
from clusters.errors import ConfigError


def test_every_series_from_1_20_to_1_34_is_known() -> None:
    assert len(versions.newest_patches()) == 15
    assert versions.newest_patches()[0] == "v1.34.2"
    for text in versions.newest_patches():
        assert versions.is_known(text)
        assert str(versions.facts_of(text).version) == text


@pytest.mark.parametrize("text", ["v1.19.0", "v1.35.0", "v1.20.16", "v1.20", "1.20.2-rc.1", "latest", "", "v2.0.0"])
def test_what_does_not_exist_is_unknown_and_something_near_is_proposed(text: str) -> None:
    assert not versions.is_known(text)
    assert versions.is_known(versions.nearest(text))
    with pytest.raises(ConfigError):
        versions.facts_of(text)


def test_the_nearest_version_is_of_the_same_series() -> None:
    assert versions.nearest("v1.20.99") == "v1.20.15"
    assert versions.nearest("1.24") == "v1.24.17"
    assert versions.nearest("v1.18.6") == "v1.20.15"


def test_a_new_patch_of_a_living_series_is_believed() -> None:
    assert versions.is_known("v1.34.9")


def test_versions_are_compared_as_numbers() -> None:
    assert versions.compare("v1.9.0", "1.10.0") == -1
    assert versions.compare("1.20.2", "v1.20.2") == 0
    assert versions.compare("v1.20.10", "v1.20.9") == 1


@pytest.mark.parametrize(
    ("text", "api", "labels", "taints", "repository", "dockershim"),
    [
        ("v1.20.2", "v1beta2", "master control-plane", "master", "k8s.gcr.io", True),
        ("v1.21.14", "v1beta2", "master control-plane", "master", "k8s.gcr.io", True),
        ("v1.22.0", "v1beta3", "master control-plane", "master", "k8s.gcr.io", True),
        ("v1.23.17", "v1beta3", "master control-plane", "master", "k8s.gcr.io", True),
        ("v1.24.0", "v1beta3", "control-plane", "master control-plane", "k8s.gcr.io", False),
        ("v1.25.0", "v1beta3", "control-plane", "control-plane", "registry.k8s.io", False),
        ("v1.30.14", "v1beta3", "control-plane", "control-plane", "registry.k8s.io", False),
        ("v1.31.0", "v1beta4", "control-plane", "control-plane", "registry.k8s.io", False),
    ],
)
def test_the_seams_between_versions(
    text: str, api: str, labels: str, taints: str, repository: str, dockershim: bool
) -> None:
    facts = versions.facts_of(text)
    prefix = "node-role.kubernetes.io/"
    assert facts.kubeadm_api == api
    assert facts.control_plane_labels == tuple(prefix + each for each in labels.split())
    assert facts.control_plane_taints == tuple(prefix + each for each in taints.split())
    assert facts.image_repository == repository
    assert facts.dockershim is dockershim


def test_images_are_those_kubeadm_asks_for() -> None:
    old, new = versions.facts_of("v1.20.2"), versions.facts_of("v1.34.0")
    assert (old.pause_image, old.coredns_image) == ("k8s.gcr.io/pause:3.2", "k8s.gcr.io/coredns:1.7.0")
    assert new.pause_image == "registry.k8s.io/pause:3.10.1"
    assert new.coredns_image == "registry.k8s.io/coredns/coredns:v1.12.1"


def test_no_version_gets_an_etcd_that_could_lose_data() -> None:
    for text in versions.newest_patches():
        assert versions.facts_of(text).etcd not in ("3.5.0", "3.5.1", "3.5.2")
