"""Machines for the lab's own tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.fixtures import bundle_before, conformance_suite, lab, lab_bundle, seed_era_bundle

if TYPE_CHECKING:
    from tests.lab import Lab

__all__ = ["bundle_before", "conformance_suite", "lab", "lab_bundle", "seed_era_bundle"]


@pytest.fixture(scope="module")
def afresh(lab: Lab) -> None:
    """Earlier tests may have used this process's machines; their installations are removed here."""
    lab.down()
