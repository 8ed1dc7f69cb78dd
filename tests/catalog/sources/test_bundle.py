"""A bundle: errors of an invalid index, one spelling of versions, and of several releases the one that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from clusters.catalog.components import components, version_for
from clusters.catalog.fitting import NothingFits, fit_of
from clusters.catalog.sources.bundle import Bundle
from clusters.catalog.sources.index import index_in
from clusters.errors import SourceError
from tests.plans import newest_patches

if TYPE_CHECKING:
    from pathlib import Path

TWO_SERIES = {
    "kubernetes": ("v1.36.3", "v1.37.2"),
    "etcd": ("v3.6.8", "v3.7.0"),
    "containerd": ("v1.7.27", "v2.4.2"),
    "runc": ("v1.1.5", "v1.5.3"),
}


def bundle(root: Path, components: dict[str, Any]) -> Bundle:
    """A bundle whose index has these releases, each with one file of no content."""
    releases = {
        name: [
            {"version": version, "arch": "amd64", "files": [{"path": f"{name}/{version}/{name}", "sha256": "0" * 64}]}
            for version in versions
        ]
        for name, versions in components.items()
    }
    return Bundle(root, index_in(yaml.safe_dump({"components": releases}).encode(), "bundle.yaml"))


@pytest.mark.parametrize("turned", [False, True])
def test_each_kubernetes_gets_fitting_components_in_any_order_of_the_index(turned: bool, tmp_path: Path) -> None:
    components = {name: versions[::-1] if turned else versions for name, versions in TWO_SERIES.items()}
    source = bundle(tmp_path, components)
    assert [source.version_of("etcd", each) for each in ("v1.36.3", "v1.37.2")] == ["v3.6.8", "v3.7.0"]
    assert [source.version_of("containerd", each) for each in ("v1.36.3", "v1.37.2")] == ["v2.4.2", "v2.4.2"]
    assert source.version_of("runc", "v1.37.2") == "v1.5.3"
    assert source.kubernetes_versions() == ("v1.37.2", "v1.36.3")


@pytest.mark.parametrize(
    ("component", "has", "kubernetes", "best"),
    [
        ("etcd", ("v3.6.5", "v3.6.14", "v3.7.0"), "v1.36.3", "v3.6.14"),
        ("etcd", ("v3.5.21", "v3.7.0"), "v1.36.3", "v3.7.0"),
        ("etcd", ("v3.4.23", "v3.7.0"), "v1.20.2", "v3.4.23"),
        ("containerd", ("v1.6.20", "v2.4.2"), "v1.20.2", "v1.6.20"),
        ("containerd", ("v1.5.18", "v1.7.27"), "v1.37.2", "v1.7.27"),
        ("containerd", ("v2.3.4", "v2.4.2"), "v1.37.2", "v2.3.4"),
        ("containerd", ("v2.4.2-rc.1", "v2.4.2"), "v1.37.2", "v2.4.2"),
        ("crictl", ("v1.20.0", "v1.37.0"), "v1.20.2", "v1.20.0"),
        ("crictl", ("v1.20.0", "v1.37.0"), "v1.36.3", "v1.37.0"),
        ("calico", ("v3.31.7", "v3.32.1", "v3.33.0"), "v1.37.2", "v3.32.1"),
        ("calico", ("v3.31.7", "v3.32.0"), "v1.35.0", "v3.31.7"),
        ("runc", ("latest", "v1.1.5"), "v1.37.2", "v1.1.5"),
        ("runc", ("latest",), "v1.37.2", "latest"),
        ("containerd", ("v1.7.27", "v2.4.2"), "v1.38.0", "v2.4.2"),
    ],
)
def test_of_several_releases_the_best_one_is_used(
    component: str, has: tuple[str, ...], kubernetes: str, best: str, tmp_path: Path
) -> None:
    assert bundle(tmp_path, {component: has}).version_of(component, kubernetes) == best


@pytest.mark.parametrize(
    ("component", "has", "kubernetes", "why"),
    [
        ("containerd", "v1.5.18", "v1.37.2", "the kubelet of v1.37.2 supports containerd 1.6.0 and newer only"),
        ("containerd", "v2.4.2", "v1.20.2", "the kubelet of v1.20.2 supports containerd older than 2.0.0 only"),
        ("etcd", "v3.5.21", "v1.37.2", "kubeadm v1.37.2 accepts etcd 3.5.24 and newer"),
        ("containerd", "latest", "v1.37.2", "containerd latest is not a version like v1.2.3"),
        ("containerd", "v2", "v1.37.2", "containerd v2 is not a version like v1.2.3"),
    ],
)
def test_a_release_that_kubernetes_refuses_is_never_used(
    component: str, has: str, kubernetes: str, why: str, tmp_path: Path
) -> None:
    with pytest.raises(NothingFits) as caught:
        bundle(tmp_path, {component: (has,)}).version_of(component, kubernetes)
    assert why in caught.value.message and kubernetes in caught.value.hint


def test_versions_from_upstream_always_fit() -> None:
    for kubernetes in newest_patches():
        for component in components():
            if component != "kubeovn" or int(kubernetes.split(".")[1]) >= 23:
                fit = fit_of(component, version_for(component, kubernetes), kubernetes)
                assert not fit.refused, fit
                assert not fit.doubt, fit


def test_versions_have_one_spelling(tmp_path: Path) -> None:
    source = bundle(tmp_path, {"kubernetes": ("1.37.2",), "etcd": ("3.7.0",)})
    assert source.kubernetes_versions() == ("v1.37.2",)
    assert source.version_of("kubernetes", "v1.37.2") == "v1.37.2" and source.version_of("etcd", "v1.37.2") == "v3.7.0"


def test_versions_that_are_not_releases_are_ignored_and_named(tmp_path: Path) -> None:
    source = bundle(tmp_path, {"kubernetes": ("v1.37.3-rc.0", "v1.37.2", 1.37, "latest")})
    assert source.kubernetes_versions() == ("v1.37.2",)
    with pytest.raises(SourceError) as caught:
        source.version_of("kubernetes", "v1.36.3")
    assert "It has v1.37.2." in caught.value.hint and "ignores v1.37.3-rc.0, v1.37, latest" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000 + "]" * 5000,
        "components: {kubernetes: [{arch: amd64, files: [{path: a}]}]}",
        "components: [kubernetes]",
        "components: ~",
        "images: []",
        "- 1",
        "",
        "components: {kubernetes: {version: v1.37.2}}",
        "components: {}\nimages: 3",
        "{",
    ],
)
def test_an_invalid_index_gives_an_error_message_and_no_crash(text: str) -> None:
    with pytest.raises(SourceError, match=r"bundle\.yaml is not the index") as caught:
        index_in(text.encode(), "bundle.yaml")
    assert "NoneType" not in caught.value.message


def test_a_bundle_may_be_without_images_in_any_spelling() -> None:
    for images in ("", "images:", "images: ~", "images: []"):
        assert index_in(f"components: {{}}\n{images}".encode(), "bundle.yaml").images == {}
