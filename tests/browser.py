"""A headless Chromium for tests: the fixture `browser`; import it in a conftest.py."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.missing import cannot_be_had

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

# Without sandbox because tests may be root; the rest prevents connections to anything but the page.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


PATIENCE = 30_000
"""Milliseconds that an expectation waits before it fails. Playwright's default of 5,000 fails on a busy machine;
tests measure a time where it matters."""


PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first is Chromium without windows: the same pages with two thirds of the processor time."""


def program() -> str | None:
    """Where Chromium is on this machine."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium; skipped without one, but not where CI is set.

    It lives as long as a module: Playwright's event loop would break asyncio tests in other modules.
    """
    chromium = program()
    if chromium is None:
        cannot_be_had("a browser cannot be had: no Chromium is installed (apt-get install chromium-headless-shell)")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield browser
        browser.close()
