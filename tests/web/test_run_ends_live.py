"""The page of a run that may no longer be followed: it shows a message, and its content stops."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.web.runpage import beside_playwright, page, pages, run, well_made

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from playwright.sync_api import Page

    from clusters.models import Run

__all__ = ["beside_playwright", "page", "pages", "run"]
pytestmark = pytest.mark.django_db(transaction=True)


def stands_still(page: Page) -> None:
    """Nothing on the page moves or counts any more."""
    assert page.evaluate("document.querySelector('#run-page').getAnimations({ subtree: true }).length") == 0
    before = page.locator("[data-since]").all_text_contents()
    page.wait_for_timeout(1500)
    assert page.locator("[data-since]").all_text_contents() == before


def test_a_user_signed_out_elsewhere_gets_a_message_and_a_link(page: Page, run: Run) -> None:
    page.goto(f"/runs/{run.pk}/")
    expect(page.locator("#live-word")).to_have_text("Live")
    expect(page.locator("[data-when-live]:visible")).to_have_count(0)
    # In another tab of the same browser.
    other = page.context.new_page()
    other.goto("/")
    other.locator("summary", has_text="alice").click()
    other.get_by_role("button", name="Sign out").click()
    note = page.locator("[data-when-live=out]")
    expect(note).to_be_visible()
    expect(page.locator("#live-word")).to_have_text("Signed out")
    expect(page.locator("#announce")).to_contain_text("no longer signed in")
    expect(note.locator("time")).to_have_attribute("datetime", re.compile(r"^\d{4}-"))
    stands_still(page)
    well_made(page)
    page.set_viewport_size({"width": 390, "height": 800})
    well_made(page)
    note.get_by_role("link", name="Sign in").click()
    assert page.url.endswith(f"/accounts/login/?next=/runs/{run.pk}/")


def test_a_user_who_lost_the_right_gets_a_message_and_a_link(page: Page, run: Run, bob: User) -> None:
    page.goto(f"/runs/{run.pk}/")
    expect(page.locator("#live-word")).to_have_text("Live")
    run.cluster.owner = bob
    run.cluster.save()
    expect(page.locator("[data-when-live=gone]")).to_be_visible()
    expect(page.locator("#live-word")).to_have_text("No access")
    stands_still(page)
    well_made(page)
