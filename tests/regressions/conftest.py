"""A machine to log in to, the pages as a process, and a browser before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser import browser as browser
from tests.sshd import sshd as sshd
from tests.web.site import Site, session_of, site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User
    from playwright.sync_api import Browser, Page


@pytest.fixture
def pages(db: None) -> Iterator[Site]:
    """The pages as a process."""
    with site() as started:
        yield started


@pytest.fixture
def page(browser: Browser, pages: Site, alice: User) -> Iterator[Page]:
    """Alice's browser; no script on its pages may fail."""
    context = browser.new_context(base_url=pages.url, viewport={"width": 1280, "height": 900})
    context.add_cookies([{"name": "sessionid", "value": session_of(alice), "url": pages.url}])
    tab = context.new_page()
    wrong: list[str] = []
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    yield tab
    context.close()
    assert wrong == []
