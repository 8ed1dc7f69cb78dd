"""A new draft is neutral: what nobody has entered yet is something to do, and red is for what somebody entered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from clusters import services
from clusters.wizard.core import flow
from tests.browser import browser
from tests.web.test_recipe_in_browser import _database_beside_playwright, fits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User
    from django.test import Client
    from playwright.sync_api import Browser, Page
    from pytest_django.live_server_helper import LiveServer

__all__ = ["_database_beside_playwright", "browser"]

pytestmark = pytest.mark.django_db(transaction=True)

RED = ".tone-failed, .note-error, .note-danger, [aria-invalid=true]"


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, client: Client, alice: User) -> Iterator[Page]:
    """Alice's browser, with a new draft."""
    services.draft_create(actor=alice, name="fresh")
    client.force_login(alice)
    with browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900}) as context:
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
        page = context.new_page()
        page.goto("/")
        page.get_by_role("link", name="fresh").click()
        page.get_by_role("link", name="Edit").click()
        yield page


def test_no_page_of_a_new_draft_is_red(page: Page) -> None:
    for each in flow.pages():
        page.locator(f".step[href$='/{each.slug}/']").click()
        page.wait_for_url(f"**/{each.slug}/")
        assert page.locator(RED).all_inner_texts() == [], each.slug
        fits(page, f"new-{each.slug}")
    expect(page.get_by_role("heading", name="Still to do")).to_be_visible()
    expect(page.get_by_role("button", name="Install cluster")).to_be_disabled()
    assert page.locator(".step-count").all_inner_texts() == ["1", "3"]


def test_what_somebody_entered_is_red_if_it_is_wrong(page: Page) -> None:
    page.locator("[name$='-name']").first.fill("Not A Name!")
    page.locator("[name$='-address']").first.fill("10.0.0.300")
    expect(page.locator(".step[href$='/machines/'] .step-count.tone-failed")).to_be_visible()
    expect(page.locator(".step[href$='/roles/'] .step-count.tone-waiting")).to_be_visible()
