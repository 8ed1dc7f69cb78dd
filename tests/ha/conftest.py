"""Fixtures for the tests of high availability: clusters, a lab, a browser, and a report of what they measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser import browser
from tests.ha.ahead import UNMEASURED, Ahead, comes_next, in_order
from tests.lab.fixtures import bundle_before, figure, lab, lab_bundle, seed_era_bundle
from tests.lab.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.ha.installed import Installed

__all__ = ["browser", "bundle_before", "figure", "lab", "lab_bundle", "seed_era_bundle"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the files of outage tests."""
    items.sort(key=in_order)


@pytest.fixture(scope="session")
def ahead(lab: Lab, lab_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ahead]:
    """Installs clusters before tests request them."""
    other = Lab("ahead", "10.98.100")
    other.down()
    ahead = Ahead((lab, other), lab_bundle, tmp_path_factory.mktemp)
    yield ahead
    ahead.end()


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest, ahead: Ahead) -> Installed:
    """The layout that the file INSTALLS, once for all of its tests, and for the next file that names the same."""
    return ahead.cluster(request.module.INSTALLS)


@pytest.fixture(autouse=True)
def _begin_the_next(request: pytest.FixtureRequest) -> None:
    """During tests that measure nothing, install the cluster of the next file."""
    if request.node.get_closest_marker(UNMEASURED) and (layout := comes_next(request.node, request.session.items)):
        request.getfixturevalue("ahead").begin(layout)
