"""The settings decide where artifacts come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.catalog.sources.nothing import Nothing
from clusters.catalog.sources.upstream import Upstream
from clusters.errors import SourceError
from clusters.runs.artifact_source import available_versions, configured_source, source_is_upstream, starter_version

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

    from tests.conftest import BundleOf


MIRROR = "https://dl.k8s.io/=http://127.0.0.1:1/"


def test_without_a_setting_the_source_is_upstream(settings: Settings) -> None:
    settings.SLIPWAY_ARTIFACTS = ""
    assert isinstance(configured_source(), Upstream) and source_is_upstream()


def test_the_source_none_has_no_versions(settings: Settings) -> None:
    settings.SLIPWAY_ARTIFACTS = "None"
    assert isinstance(configured_source(), Nothing) and not source_is_upstream()


def test_mirrors_of_the_settings_are_used(settings: Settings, tmp_path: Path) -> None:
    settings.SLIPWAY_ARTIFACTS, settings.SLIPWAY_DATA_DIR = "", tmp_path
    settings.SLIPWAY_ARTIFACTS_MIRRORS, settings.SLIPWAY_ARTIFACTS_ALLOW_HTTP = [MIRROR], True
    with pytest.raises(SourceError, match=r"^http://127.0.0.1:1/release/v1.20.2/bin/linux/amd64/kubelet.sha256 "):
        configured_source().file("kubernetes", "v1.20.2", "kubelet", "amd64")


@pytest.mark.parametrize(
    ("versions", "start"),
    [
        (("v1.20.2",), "v1.20.2"),
        (("v1.37.2", "v1.36.3"), "v1.37.2"),
        (("v1.37.9", "v1.36.3", "v1.20.2"), "v1.36.3"),
        (("v1.36.4", "v1.35.0"), "v1.36.4"),
        (("v1.38.0", "v1.36.4"), "v1.36.4"),
        (("v1.38.0",), "v1.37.2"),
        ((), "v1.37.2"),
    ],
)
def test_a_draft_starts_with_the_newest_proven_version_of_a_bundle(
    versions: tuple[str, ...], start: str, bundle_of: BundleOf
) -> None:
    bundle_of(*versions)
    assert available_versions() == versions
    assert starter_version() == start


@pytest.mark.parametrize("artifacts", ["", "none", "/nowhere"])
def test_without_a_bundle_a_draft_starts_with_the_newest_proven_version_of_all(
    settings: Settings, artifacts: str
) -> None:
    settings.SLIPWAY_ARTIFACTS = artifacts
    assert starter_version() == "v1.37.2"
