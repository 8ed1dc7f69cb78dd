"""Three hundred machines in a real browser: a keystroke waits for neither the page nor the server."""

from __future__ import annotations

from statistics import median
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
    from playwright.sync_api import BrowserContext, Page, Route

    from clusters.models import Cluster

__all__ = ["_database_beside_playwright", "_wizard_alone", "browser", "context", "page"]

pytestmark = pytest.mark.django_db(transaction=True)

KEY_TIMES, SAVE_TIMES = 4.0, 15.0
"""How many times the processor time of the same among three machines, in the page's own thread, with layout and drawing
without a graphics card. One of a few machines that costs least by accident would make a large crowd look dear."""
KEYS = "-abcdefghijklmnopqr"
DRAWN = "() => new Promise((on) => requestAnimationFrame(() => requestAnimationFrame(on)))"
PAUSE, IDLE = 300, 0.05
"""Milliseconds, and the part of them that a page takes at most when nothing happens to it."""


class Thread:
    """How much processor time a page's thread has taken; other processes do not count."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._before = self._seconds()

    def _seconds(self) -> float:
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration")) * 1000

    def lap(self) -> float:
        """Milliseconds since the last lap."""
        before, self._before = self._before, self._seconds()
        return self._before - before

    def rest(self, page: Page) -> None:
        """Wait until the page is idle: the cost of opening it must not count as the cost of a key."""
        for _ in range(100):
            self.lap()
            page.wait_for_timeout(PAUSE)
            page.evaluate(DRAWN)
            if self.lap() < IDLE * PAUSE:
                return
        raise AssertionError("The page does not come to rest")


def draft(alice: User, name: str, count: int) -> Cluster:
    """Each machine has a separate warning, because they have no roles yet."""
    hosts = tuple(
        Host(name=f"node{number}", address=f"10.1.{number // 250}.{number % 250 + 1}", password=Secret("x"))
        for number in range(count)
    )
    return draft_create(actor=alice, name=name, document=seed_document(hosts=hosts, role_groups=RoleGroups()))


@pytest.fixture
def crowd(alice: User) -> Cluster:
    return draft(alice, "crowd", 300)


@pytest.fixture
def few(alice: User) -> Cluster:
    return draft(alice, "few", 3)


def test_a_key_costs_among_three_hundred_machines_what_it_costs_among_three(
    context: BrowserContext, few: Cluster, crowd: Cluster
) -> None:
    costs: dict[str, list[float]] = {}
    for places in ((0, 0), (1, 150), (2, 299)):
        for cluster, place in zip((few, crowd), places, strict=True):
            with context.new_page() as page:
                open_page(page, cluster, "machines")
                # A save between two keys does not count as the cost of a key.
                page.route("**/wizard/machines/", lambda route: None)
                thread = Thread(page)
                field = page.locator(f"#id_host-{place}-name")
                field.focus()
                thread.rest(page)
                for key in KEYS:
                    field.press_sequentially(key)
                    # On a busy machine several keys would share a frame, and cost less than one.
                    page.evaluate(DRAWN)
                costs.setdefault(cluster.name, []).append(thread.lap() / len(KEYS))
    assert min(costs["crowd"]) < KEY_TIMES * median(costs["few"]), costs


def answered_while_one_types(page: Page, cluster: Cluster, place: int) -> float:
    """Type on while a save is on its way; what the page's thread takes for its answer and the next save."""
    open_page(page, cluster, "machines")
    name = f"first{place}-more"
    held: list[Route] = []
    page.route("**/wizard/machines/", lambda route: route.continue_() if held else held.append(route))
    field = page.locator(f"#id_host-{place}-name")
    with page.expect_request(lambda request: request.method == "POST"):
        field.fill(f"first{place}")
    field.press_sequentially("-more")
    expect(field).to_have_value(name)
    thread = Thread(page)
    with page.expect_request(lambda request: request.method == "POST"):
        held[0].continue_()
    took = thread.lap()
    saved(page, cluster.version + 2)
    expect(field).to_have_value(name)
    expect(page.locator(f"#problem-host-{place}")).to_contain_text(f"{name} is not in a role group")
    assert stored(cluster).hosts[place].name == name
    return took


def test_a_save_does_not_hold_up_who_types_on_and_nothing_typed_is_lost(
    context: BrowserContext, few: Cluster, crowd: Cluster
) -> None:
    costs: dict[str, list[float]] = {}
    for place in range(3):
        for cluster, row in ((few, place), (crowd, 100 * place)):
            with context.new_page() as page:
                costs.setdefault(cluster.name, []).append(answered_while_one_types(page, cluster, row))
    assert min(costs["crowd"]) < SAVE_TIMES * median(costs["few"]), costs
