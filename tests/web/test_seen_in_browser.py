"""What was observed of a cluster fades in a page that stays open, wide and narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from clusters.models import Cluster
from tests.web.test_recipe_in_browser import _database_beside_playwright, fits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.auth.models import User
    from django.test import Client
    from playwright.sync_api import Browser, Page
    from pytest_django.live_server_helper import LiveServer

    from clusters.models import Run

__all__ = ["_database_beside_playwright"]

pytestmark = pytest.mark.django_db(transaction=True)

ROLES = {"node1": ["control-plane"], "node2": ["worker"], "node3": ["worker"]}
NODES = [
    {"name": name, "ready": True, "roles": roles, "version": "v1.37.2", "address": f"10.0.0.{place}"}
    for place, (name, roles) in enumerate(ROLES.items(), 1)
]


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, client: Client, alice: User, cluster: Cluster) -> Iterator[Page]:
    """Alice's browser; her cluster was seen ready just now."""
    Cluster.objects.update(state="ready", nodes=NODES, nodes_seen_at=timezone.now())
    client.force_login(alice)
    with browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900}) as context:
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
        yield context.new_page()


def test_ready_fades_in_an_open_list(page: Page, make_run: Callable[..., Run]) -> None:
    make_run(state="succeeded", started_at=timezone.now(), finished_at=timezone.now())
    page.clock.install()
    page.goto("/")
    row = page.locator("tbody tr")
    expect(row.get_by_text("Ready", exact=True)).to_be_visible()
    expect(row.get_by_text("3 of 3 ready")).to_be_visible()
    expect(row.locator(".run-link time")).to_have_text("just now")
    fits(page, "list-now")
    page.clock.run_for(842_000)
    expect(row.get_by_text("Last seen ready 14 minutes ago")).to_be_visible()
    expect(row.get_by_text("Ready", exact=True)).to_be_hidden()
    expect(row.get_by_text("3 of 3 were ready")).to_be_visible()
    expect(row.locator(".run-link time")).to_have_text("14 minutes ago")
    fits(page, "list-then")


def test_ready_fades_on_an_open_page_of_a_cluster(page: Page, cluster: Cluster) -> None:
    page.clock.install()
    page.goto(f"/clusters/{cluster.pk}/")
    expect(page.get_by_text("Ready", exact=True).locator("visible=true")).to_have_count(4)
    page.clock.run_for(61_000)
    expect(page.get_by_text("Was ready").locator("visible=true")).to_have_count(3)
    expect(page.get_by_text("Last seen ready 1 minute ago")).to_be_visible()
    expect(page.get_by_text("Ready", exact=True).locator("visible=true")).to_have_count(0)
    fits(page, "cluster-then")
