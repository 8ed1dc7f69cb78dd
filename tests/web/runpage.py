"""Shared by tests of the run page: a browser in which script errors fail the test, and a run on two machines."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone

from clusters.models import Run, StepRun
from tests.browser import PATIENCE
from tests.web.site import Site, session_of, site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.auth.models import User
    from playwright.sync_api import Browser, FloatRect, Locator, Page

# Fixtures for modules that import them; the first one is automatic.
__all__ = ["at_end", "at_rest", "beside_playwright", "comes_to_its_end", "page", "pages", "run", "well_made"]

TWO_FRAMES = "() => new Promise((on) => requestAnimationFrame(() => requestAnimationFrame(on)))"
AT_END = """() => {
  const box = document.getElementById("log-scroll");
  return box.scrollHeight - box.scrollTop - box.clientHeight < 5;
}"""


@pytest.fixture(scope="module", autouse=True)
def beside_playwright() -> Iterator[None]:
    """Playwright's event loop runs in this thread; Django would mistake the tests for asynchronous code."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    yield
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def pages(db: None) -> Iterator[Site]:
    # The count of hits ends where the log does, however busy the machine is.
    with site(SLIPWAY_COUNT_SECONDS="60") as started:
        yield started
        # Shown when the test fails.
        print(started.output())


@pytest.fixture
def page(browser: Browser, pages: Site, alice: User) -> Iterator[Page]:
    context = browser.new_context(base_url=pages.url, viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.add_cookies([{"name": "sessionid", "value": session_of(alice), "url": pages.url}])
    tab = context.new_page()
    wrong: list[str] = []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.on("console", lambda message: wrong.append(message.text) if "Content Security Policy" in message.text else None)
    yield tab
    context.close()
    assert wrong == []


@pytest.fixture
def run(make_run: Callable[..., Run]) -> Run:
    made = make_run(state="running", started_at=timezone.now(), worker="w")
    for position, (step, phase) in enumerate((("os/a", "os"), ("etcd/b", "etcd"))):
        for host in ("node1", "node2"):
            state = "running" if step == "os/a" else "waiting"
            StepRun.objects.create(run=made, step=step, title=f"Do {step}", phase=phase, position=position, host=host,
                                   state=state, started_at=timezone.now())  # fmt: skip
    return made


def at_rest(place: Locator) -> FloatRect:
    """The position of an element once the layout is stable: blocks of the log get their height only when visible."""
    before, now = None, place.bounding_box()
    while now is None or now != before:
        # Blocks get their height within half a second; the browser applies it with a frame, which may come late.
        place.page.wait_for_timeout(300)
        place.page.evaluate(TWO_FRAMES)
        before, now = now, place.bounding_box()
    return now


def at_end(page: Page) -> bool:
    """Whether the end of the log is visible now."""
    return bool(page.evaluate(AT_END))


def comes_to_its_end(page: Page) -> None:
    """Expect the end of the log to be visible soon: the browser scrolls with a frame."""
    page.wait_for_function(AT_END, timeout=PATIENCE)


def well_made(page: Page) -> None:
    """The page is accessible, and not wider than the window."""
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][-200:]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
