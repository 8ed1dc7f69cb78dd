"""Fixtures for upstream's tests: a lab, and the cluster that they test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conformance.cluster import conformance_cluster
from tests.lab.fixtures import conformance_suite, figure, lab, lab_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.ha.installed import Installed
    from tests.lab.lab import Lab

__all__ = ["conformance_suite", "figure", "lab", "lab_bundle"]


@pytest.fixture
def cluster(lab: Lab, lab_bundle: Path, conformance_suite: Path, tmp_path: Path) -> Iterator[Installed]:
    """One control plane and two workers, installed by Slipway, with the images of upstream's tests."""
    with conformance_cluster(lab, lab_bundle, conformance_suite, tmp_path) as cluster:
        yield cluster
