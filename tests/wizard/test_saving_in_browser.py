"""No typed input is lost, whichever button follows and however late a response arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import browser
from tests.conftest import SEED
from tests.wizard.browsing import (
    _database_beside_playwright,
    _wizard_alone,
    comes_to_be_stored,
    context,
    open_page,
    page,
    saved,
    stored,
)

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Route

    from clusters.models import Cluster
    from tests.conftest import BundleOf

__all__ = ["_database_beside_playwright", "_wizard_alone", "browser", "context", "page"]

pytestmark = pytest.mark.django_db(transaction=True)


def is_posted(page: Page, to: str) -> list[str]:
    """The bodies that the page posts to addresses which end so, as they come."""
    posts: list[str] = []
    page.on(
        "request",
        lambda sent: posts.append(sent.post_data or "") if sent.method == "POST" and sent.url.endswith(to) else None,
    )
    return posts


def test_typed_input_is_saved_before_a_version_is_applied(page: Page, cluster: Cluster, bundle_of: BundleOf) -> None:
    bundle_of("v1.37.2")
    open_page(page, cluster, "kubernetes")
    page.locator("#id_name").fill("harbour")
    page.get_by_role("button", name="Use v1.37.2").click()
    expect(page.locator("#id_version")).to_have_value("v1.37.2")
    assert stored(cluster).name == "harbour"
    assert stored(cluster).kubernetes.version == "v1.37.2"


def test_applying_a_version_waits_for_the_running_save(page: Page, cluster: Cluster, bundle_of: BundleOf) -> None:
    bundle_of("v1.37.2")
    open_page(page, cluster, "kubernetes")
    taken = is_posted(page, "/version/")
    held: list[Route] = []
    page.route("**/wizard/kubernetes/", lambda route: route.continue_() if held else held.append(route))
    with page.expect_request(lambda request: request.method == "POST"):
        page.locator("#id_name").fill("harbour")
    page.locator("#id_name").press_sequentially("-two")
    page.get_by_role("button", name="Use v1.37.2").click()
    assert taken == []
    held[0].continue_()
    expect(page.locator("#id_version")).to_have_value("v1.37.2")
    assert stored(cluster).name == "harbour-two"
    assert len(taken) == 1


def test_typed_text_is_saved_before_a_version_is_applied(page: Page, cluster: Cluster, bundle_of: BundleOf) -> None:
    bundle_of("v1.37.2")
    open_page(page, cluster, "kubernetes")
    yaml = page.locator("#yaml")
    yaml.fill(yaml.input_value().replace("clusterName: cluster.local", "clusterName: typed.local"))
    page.get_by_role("button", name="Use v1.37.2").click()
    expect(page.locator("#id_version")).to_have_value("v1.37.2")
    assert stored(cluster).kubernetes.cluster_name == "typed.local"


def test_a_refused_save_is_not_sent_again_by_the_focus_that_its_message_takes(
    context: BrowserContext, page: Page, cluster: Cluster
) -> None:
    other = context.new_page()
    for tab in (page, other):
        open_page(tab, cluster, "kubernetes")
    page.locator("#id_cluster_name").fill("first.local")
    saved(page, 2)
    posts = is_posted(other, "/wizard/kubernetes/")
    other.evaluate(
        "window.asked = []; document.addEventListener('htmx:beforeRequest', (event) =>"
        " setTimeout(() => asked.push(event.defaultPrevented)));"
    )
    other.locator("#id_cluster_name").focus()
    other.keyboard.press("End")
    other.keyboard.type("x")
    expect(other.locator("#conflict [role=alert]")).to_be_focused()
    other.wait_for_function("() => asked.length === 2")
    assert other.evaluate("asked") == [False, True]
    assert len(posts) == 1
    other.locator("#id_cluster_name").fill("second.local")
    other.wait_for_function("() => asked.length > 2")
    expect(other.locator("#conflict")).to_contain_text("second.local")
    other.get_by_role("button", name="Save my values").click()
    comes_to_be_stored(other, cluster, lambda document: document.kubernetes.cluster_name == "second.local")


def test_what_is_typed_as_soon_as_the_forms_have_followed_the_text_is_saved(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "kubernetes")
    page.evaluate(
        """() => document.addEventListener("htmx:afterSwap", () => setTimeout(() => {
          const field = document.getElementById("id_cluster_name");
          if (field.value !== "typed.local") return;
          field.value = "form.local";
          field.dispatchEvent(new Event("input", { bubbles: true }));
        }))"""
    )
    yaml = page.locator("#yaml")
    yaml.fill(yaml.input_value().replace("clusterName: cluster.local", "clusterName: typed.local"))
    comes_to_be_stored(page, cluster, lambda document: document.kubernetes.cluster_name == "form.local")


def test_warnings_that_are_ticked_while_an_answer_is_on_its_way_open_install(page: Page, cluster: Cluster) -> None:
    cluster.document = SEED.replace('address: 10.99.0.3, password: "Testing123"', "address: 10.99.0.3").replace(
        'user: ubuntu, password: "Testing123"', "user: ubuntu"
    )
    cluster.save()
    open_page(page, cluster, "review")
    boxes = page.locator(".waive .tick:not(:checked)")
    count = boxes.count()
    assert count > 1
    posts = is_posted(page, "/waive/")
    held: list[Route] = []
    page.route("**/waive/", lambda route: route.continue_() if held else held.append(route))
    with page.expect_request(lambda request: request.method == "POST"):
        boxes.first.check()
    while boxes.count():
        boxes.first.check()
    assert len(posts) == 1, "the others wait for the answer to the first"
    held[0].continue_()
    expect(page.locator("#install-cluster")).to_be_enabled()
    assert len(posts) == count
