"""pytest fixtures of the lab: import them in a conftest.py to have machines to build on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.lab.lab import BEFORE, CONFORMANCE, SEED_ERA, Lab
from tests.missing import cannot_be_had

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def _lab_of_this_process() -> Lab:
    """Each parallel test process has its own lab, and none is the lab of `python -m tests.lab`."""
    number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return Lab(f"test{number}", f"10.98.{number}")


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A separate lab for tests, without hosts at first; all its hosts are removed at the end.

    Skips without root. Skips before `python -m tests.lab build`, which takes longer than a test may.
    Where CI is "true" it fails instead.
    """
    if os.geteuid() != 0:
        cannot_be_had("the lab is not available: it needs root")
    lab = _lab_of_this_process()
    if not lab.is_built():
        cannot_be_had("the lab is not available: it is not built: python -m tests.lab build")
    lab.down()
    yield lab
    lab.down()


@pytest.fixture(scope="session")
def lab_bundle(lab: Lab) -> Path:
    """The directory of the newest series' artifact bundle, which the installer uses as its source."""
    return lab.build()


def _bundle_of(lab: Lab, series: str) -> Path:
    if not lab.is_built(series):
        cannot_be_had(f"the lab's {series} is not built: python -m tests.lab build {series}")
    return lab.build(series)


@pytest.fixture(scope="session")
def bundle_before(lab: Lab) -> Path:
    """The bundle of the series before the newest."""
    return _bundle_of(lab, BEFORE)


@pytest.fixture(scope="session")
def seed_era_bundle(lab: Lab) -> Path:
    """The bundle with Kubernetes 1.20.2."""
    return _bundle_of(lab, SEED_ERA)


@pytest.fixture(scope="session")
def conformance_suite(lab: Lab) -> Path:
    """The directory of the programs and images of upstream's conformance tests."""
    return _bundle_of(lab, CONFORMANCE)


@pytest.fixture(scope="module")
def network_bundle(request: pytest.FixtureRequest, lab: Lab) -> Path:
    """The newest series' bundle with the images of the network plugin that the file names in PLUGIN."""
    name: str = request.module.PLUGIN
    return _bundle_of(lab, name)


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Records a sentence on a measurement; the test run prints all of them at its end."""
    return lambda sentence: record_property("figure", sentence)
