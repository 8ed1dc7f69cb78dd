"""Alice's browser on the wizard's pages: fixtures and helpers of all browser tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from clusters.models import Inspection
from clusters.services import document_of
from tests.browser import PATIENCE
from tests.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.auth.models import User
    from django.test import Client
    from playwright.sync_api import Browser, BrowserContext, Page
    from pytest_django.live_server_helper import LiveServer

    from clusters.config.schema import Document
    from clusters.models import Cluster

MOST_TABS = 120


@pytest.fixture(scope="module", autouse=True)
def _database_beside_playwright() -> Iterator[None]:
    """Playwright's event loop runs in this thread; Django would take the tests' own queries for a mistake."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture(autouse=True)
def _wizard_alone() -> None:
    """Here the wizard is not alone: its pages link to the real ones."""


@pytest.fixture
def context(browser: Browser, live_server: LiveServer, client: Client, alice: User) -> Iterator[BrowserContext]:
    """Alice's browser, signed in."""
    client.force_login(alice)
    with browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900}) as context:
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
        context.set_default_timeout(PATIENCE)
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """One tab; an error in the page's own scripts fails the test."""
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert errors == []


def stored(cluster: Cluster) -> Document:
    cluster.refresh_from_db()
    return document_of(cluster)


def open_page(page: Page, cluster: Cluster, slug: str) -> None:
    page.goto(f"/clusters/{cluster.pk}/wizard/{slug}/")


def saved(page: Page, version: int) -> None:
    """Wait until the page has that version; `expect` would describe the page at each look, two seconds for 300 rows."""
    found = "version => document.getElementById('draft-version').value === version"
    try:
        page.wait_for_function(found, arg=str(version), timeout=PATIENCE)
    except PlaywrightTimeoutError:
        has = page.locator("#draft-version").input_value()
        raise AssertionError(f"The page has version {has} of the draft, not {version}.") from None


def comes_to_be_stored(page: Page, cluster: Cluster, look: Callable[[Document], bool]) -> None:
    """Wait until the stored draft looks so. A busy machine makes several saves of what a quick one saves at once."""

    def is_stored() -> bool:
        page.wait_for_timeout(50)
        return look(stored(cluster))

    wait_for(is_stored, PATIENCE / 1000, "the save")


def tab_to(page: Page, selector: str, *, back: bool = False) -> None:
    """Press Tab until the focus is there."""
    for _ in range(MOST_TABS):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Shift+Tab" if back else "Tab")
    pytest.fail(f"{selector} is not reached by Tab")


def inspected(cluster: Cluster, *found: tuple[str, str, str]) -> None:
    """An inspection that found these: check, machine, severity."""
    rows: list[dict[str, Any]] = [
        {
            "check": check,
            "title": f"About {check}",
            "host": host,
            "state": "failed" if severity == "error" else severity,
            "found": [{"severity": severity, "message": f"{host} is short of it.", "fix": "Mend it."}],
        }
        for check, host, severity in found
    ]
    good = [{"check": "os.systemd", "title": "About os.systemd", "host": "node1", "state": "same", "found": []}]
    Inspection.objects.update_or_create(
        cluster=cluster, defaults={"state": "done", "version": cluster.version, "results": rows + good}
    )
