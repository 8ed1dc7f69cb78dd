"""The settings decide where artifacts come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.catalog.sources.nothing import Nothing
from clusters.catalog.sources.upstream import Upstream
from clusters.errors import SourceError
from clusters.runs.source import configured_source, source_is_upstream

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django.fixtures import SettingsWrapper


def test_nothing_named_is_upstream(settings: SettingsWrapper) -> None:
    settings.SLIPWAY_ARTIFACTS = ""
    assert isinstance(configured_source(), Upstream) and source_is_upstream()


def test_none_is_nothing(settings: SettingsWrapper) -> None:
    settings.SLIPWAY_ARTIFACTS = "None"
    assert isinstance(configured_source(), Nothing) and not source_is_upstream()


def test_mirrors_of_the_settings_are_used(settings: SettingsWrapper, tmp_path: Path) -> None:
    settings.SLIPWAY_ARTIFACTS, settings.SLIPWAY_DATA_DIR = "", tmp_path
    settings.SLIPWAY_ARTIFACTS_MIRRORS = ["https://dl.k8s.io/=http://127.0.0.1:1/"]
    with pytest.raises(SourceError, match=r"^http://127.0.0.1:1/release/v1.20.2/bin/linux/amd64/kubelet.sha256 "):
        configured_source().file("kubernetes", "v1.20.2", "kubelet", "amd64")
