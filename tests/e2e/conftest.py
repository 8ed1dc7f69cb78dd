"""Fixtures for the tests of the whole product: three fresh machines, a running Slipway, and a signed-in browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser import browser
from tests.e2e import walking
from tests.e2e.serving import Site, serving
from tests.lab.fixtures import bundle_before, lab, lab_bundle, seed_era_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.lab.lab import Lab

__all__ = ["browser", "bundle_before", "lab", "lab_bundle", "seed_era_bundle"]

NODES = 3


@pytest.fixture(scope="module")
def machines(lab: Lab) -> Lab:
    """The lab with three fresh hosts."""
    if lab.hosts():
        lab.reset()
    lab.up(NODES)
    return lab


@pytest.fixture(scope="module")
def site(machines: Lab, lab_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """`manage.py serve` with a separate data directory."""
    with serving(
        tmp_path_factory.mktemp("slipway"), artifacts=lab_bundle, practice_file=machines.practice_file
    ) as running:
        yield running


@pytest.fixture(scope="module")
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """A tab in which the administrator is signed in with a new password."""
    context = browser.new_context(base_url=site.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(20_000)
    tab = context.new_page()
    walking.sign_in(tab, site)
    yield tab
    context.close()
