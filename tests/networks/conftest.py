"""Gives each file a cluster with the plugin and the layout that it names: PLUGIN, LAYOUT."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conformance.cluster import conformance_cluster
from tests.lab.fixtures import conformance_suite, figure, lab, network_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.ha.installed import Installed
    from tests.lab.lab import Lab

__all__ = ["conformance_suite", "figure", "lab", "network_bundle"]


@pytest.fixture(scope="module")
def cluster(
    request: pytest.FixtureRequest,
    lab: Lab,
    network_bundle: Path,
    conformance_suite: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installed]:
    """Installed by Slipway once for all tests of the file, with the images of upstream's tests on its nodes."""
    place = tmp_path_factory.mktemp("network")
    with conformance_cluster(lab, network_bundle, conformance_suite, place, request.module.LAYOUT) as cluster:
        yield cluster
