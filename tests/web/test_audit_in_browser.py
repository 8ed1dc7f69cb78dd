"""The audit page in a real browser: by keyboard, at phone width, in light and dark."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from clusters.models import AuditForward
from clusters.services.audit import audited

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django.contrib.auth.models import User
    from django.test import Client
    from playwright.sync_api import Browser, Page
    from pytest_django import Settings
    from pytest_django.live_server_helper import LiveServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module", autouse=True)
def _database_beside_playwright() -> Iterator[None]:
    """Playwright's event loop runs in this thread; Django would refuse the tests' own queries."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture
def page(
    browser: Browser, live_server: LiveServer, client: Client, admin: User, alice: User, settings: Settings
) -> Iterator[Page]:
    """The administrator's browser with audit entries of every kind."""
    settings.SLIPWAY_AUDIT_WEBHOOK_URL = "https://hooks.example/x"
    settings.SLIPWAY_AUDIT_SYSLOG = "tls://logs.example.com:6514"
    client.force_login(admin)
    AuditForward.objects.create(way="webhook", tries=3, failed_at=timezone.now(), error="The receiver answered 503.")
    for number in range(60):
        audited(alice, "draft.update", f"harbour-{number}", cluster=number, hosts=[f"node-{n}" for n in range(8)])
    audited(None, "login", "alice", outcome="failed")
    audited(None, "login.lockout", "(unknown name)", outcome="refused")
    audited(
        alice, "hostkey.accept", "machine-with-a-long-name.department.example.com:22", fingerprint="SHA256:" + "x" * 43
    )
    with browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900}) as context:
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto("/audit/")
        yield page
        assert errors == []


def picture(page: Page, name: str) -> None:
    """Screenshots of both ends of the page for manual inspection, in the folder that PICTURES names."""
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png")
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.screenshot(path=f"{folder}/{name}-end.png")
        page.evaluate("scrollTo(0, 0)")


def test_it_fits_every_width_in_light_and_dark(page: Page, tmp_path: Path) -> None:
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for theme in ("light", "dark"):
            page.evaluate("theme => { document.documentElement.dataset.bsTheme = theme }", theme)
            picture(page, f"audit-{width}-{theme}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1280, "height": 900})
    page.locator("details.audit-details summary").nth(1).click()
    picture(page, "audit-details")
    assert (
        page.evaluate(
            "document.querySelector('.audit-entries').scrollWidth - "
            "document.querySelector('.audit-entries').clientWidth"
        )
        <= 0
    )


def test_the_keyboard_filters_and_pages_with_stable_addresses(page: Page) -> None:
    page.get_by_label("Person").focus()
    page.keyboard.type("alice")
    page.get_by_label("Action").select_option("draft.update")
    page.get_by_label("Person").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(50)
    expect(page).to_have_url(re.compile("person=alice.*action=draft.update"))
    page.get_by_role("link", name="Older").focus()
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(10)
    expect(page.get_by_label("Person")).to_have_value("alice")
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_label("Object").fill("nothing is called so")
    page.get_by_label("Object").press("Enter")
    expect(page.get_by_role("heading", name="No matching entries")).to_be_visible()
    picture(page, "audit-empty")


def test_details_open_by_keyboard_and_every_control_has_a_name(page: Page) -> None:
    summary = page.locator("#entry-10 summary, tbody tr summary").first
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.locator("details.audit-details[open] pre")).to_contain_text("fingerprint")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('main :is(input:not([type=hidden]), select, button, a, summary)')]
            .filter(one => !(one.labels?.length || one.textContent.trim() || one.getAttribute('aria-label')))
            .map(one => one.outerHTML)"""
    )
    assert nameless == []
