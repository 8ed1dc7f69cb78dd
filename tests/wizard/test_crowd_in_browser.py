"""Three hundred machines in a real browser: a keystroke waits neither for the page nor for the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from clusters.config.schema import Host, RoleGroups
from clusters.config.secret import Secret
from clusters.services import draft_create
from tests.browser import browser
from tests.config.documents import seed_document
from tests.wizard.browsing import _database_beside_playwright, _wizard_alone, context, open_page, page, saved, stored

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from playwright.sync_api import Page, Route

    from clusters.models import Cluster

__all__ = ["_database_beside_playwright", "_wizard_alone", "browser", "context", "page"]

pytestmark = pytest.mark.django_db(transaction=True)

KEY_MS, SAVE_MS = 35.0, 1500.0
"""Milliseconds of processor time of the page's own thread, with layout and drawing without a graphics card."""


class Thread:
    """How much processor time a page's thread has taken; other processes do not count."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._before = self._taken()

    def _taken(self) -> float:
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration")) * 1000

    def lap(self) -> float:
        """Milliseconds since the last lap."""
        before, self._before = self._before, self._taken()
        return self._before - before


@pytest.fixture
def crowd(alice: User) -> Cluster:
    hosts = tuple(
        Host(name=f"node{number}", address=f"10.1.{number // 250}.{number % 250 + 1}", password=Secret("x"))
        for number in range(300)
    )
    return draft_create(actor=alice, name="crowd", document=seed_document(hosts=hosts, role_groups=RoleGroups()))


def test_a_key_costs_little_among_three_hundred_machines(page: Page, crowd: Cluster) -> None:
    open_page(page, crowd, "machines")
    thread = Thread(page)
    costs = []
    for place in (0, 150, 299):
        page.locator(f"#id_host-{place}-name").focus()
        thread.lap()
        page.locator(f"#id_host-{place}-name").press_sequentially("-abcdefghijklmnopqr")
        costs.append(thread.lap() / 19)
    assert min(costs) < KEY_MS, costs


def test_a_save_does_not_hold_up_who_types_on_and_nothing_typed_is_lost(page: Page, crowd: Cluster) -> None:
    """Each of the machines has a warning of its own: they have no roles yet."""
    open_page(page, crowd, "machines")
    held: list[Route] = []
    page.route("**/wizard/machines/", lambda route: route.continue_() if held else held.append(route))
    field = page.locator("#id_host-7-name")
    with page.expect_request(lambda request: request.method == "POST"):
        field.fill("first")
    field.press_sequentially("-and-more")
    expect(field).to_have_value("first-and-more")
    thread = Thread(page)
    with page.expect_request(lambda request: request.method == "POST"):
        held[0].continue_()
    assert thread.lap() < SAVE_MS
    saved(page, crowd.version + 2)
    expect(field).to_have_value("first-and-more")
    expect(page.locator("#problem-host-7")).to_contain_text("first-and-more is in no role group")
    assert stored(crowd).hosts[7].name == "first-and-more"
