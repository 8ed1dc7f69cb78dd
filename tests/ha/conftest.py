"""Gives the tests of high availability a lab, a browser, and a way to tell what they measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser import browser
from tests.ha import layouts
from tests.ha.installed import install
from tests.lab.fixtures import lab, lab_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.ha.installed import Installed
    from tests.lab.lab import Lab

__all__ = ["browser", "lab", "lab_bundle"]


@pytest.fixture(scope="session")
def stacked(lab: Lab, lab_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Installed once for two files, of which the first moves its address and the second changes all else."""
    place = tmp_path_factory.mktemp("stacked")
    (place / "words.txt").write_text("read by cluster create\n")
    return install(lab, layouts.STACKED_ETCD, lab_bundle, place)


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Takes a sentence on what was measured; all of them stand at the end of a run of the tests."""
    return lambda sentence: record_property("figure", sentence)
