"""A recipe's page and its preview in a real browser: from the questions to what would change, wide and narrow."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from clusters.models import Cluster, Run
from clusters.runs.supervise import supervise
from tests.added_recipe import forgotten, renew

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User
    from django.test import Client
    from playwright.sync_api import Browser, Page
    from pytest_django import Settings
    from pytest_django.live_server_helper import LiveServer

    from clusters.engine.recipe import Recipe

__all__ = ["forgotten", "renew"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module", autouse=True)
def _database_beside_playwright() -> Iterator[None]:
    """Playwright's event loop runs in this thread; Django would refuse the tests' own queries."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield


@pytest.fixture
def page(
    browser: Browser, live_server: LiveServer, client: Client, alice: User, cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch, settings: Settings,
) -> Iterator[Page]:  # fmt: skip
    """Alice's browser on the page of her cluster, which is ready."""
    monkeypatch.setattr("clusters.services.installs.findings_of", lambda *words, **options: ())
    monkeypatch.setattr("clusters.services.waivers.check", lambda document: ())
    settings.SLIPWAY_RUN_ON_MACHINES = "tests.runs.fake_machines.run_on_machines"
    Cluster.objects.update(state="ready")
    client.force_login(alice)
    with browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900}) as context:
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
        page = context.new_page()
        page.goto(f"/clusters/{cluster.pk}/")
        yield page


def fits(page: Page, name: str) -> None:
    """Nothing overflows at either width; screenshots for manual inspection are in the folder that PICTURES names."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            if folder := os.environ.get("PICTURES"):
                page.screenshot(path=f"{folder}/{name}-{width}-{scheme}.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 900})


def test_from_the_clusters_page_to_what_would_change(page: Page, renew: Recipe) -> None:
    page.reload()
    fits(page, "cluster")
    page.get_by_role("link", name="Renew certificates…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Renew certificates")
    fits(page, "form")
    page.get_by_label("Days").fill("9999")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#problem-days")).to_contain_text("Between 1 and 3,999")
    page.get_by_label("Days").fill("30")
    page.get_by_label("Machines").select_option(["node2", "node3"])
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("The machines appear as soon as the plan is ready.")).to_be_visible()
    run = Run.objects.get()
    supervise(run.pk, worker_name="one")
    page.reload()
    expect(page.get_by_role("heading", name="The preview is complete")).to_be_visible()
    page.get_by_role("link", name="node3").click()
    expect(page.get_by_role("heading", name="Would change on node3")).to_be_visible()
    expect(page.locator(".preview-diff").first).to_contain_text("+30")
    fits(page, "preview")
    page.get_by_role("button", name="Renew certificates").click()
    page.wait_for_url("**/runs/*/")
    assert Run.objects.get(part="").answers == {"days": 30, "machines": ["node2", "node3"]}
