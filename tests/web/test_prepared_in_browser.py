"""What a recipe's document brings, in a real browser: shown as one types, acknowledged, and started; axe and widths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from clusters import services
from clusters.models import Cluster, Run
from tests.preparing_recipe import SECRET, forgotten, lift
from tests.web.test_recipe_in_browser import _database_beside_playwright, fits
from tests.wizard.browsing import context, page

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client
    from playwright.sync_api import Browser, Page
    from pytest_django.live_server_helper import LiveServer

__all__ = ["_database_beside_playwright", "context", "forgotten", "lift", "page"]

pytestmark = [
    pytest.mark.timeout(360),
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("lift"),
]


@pytest.fixture
def recipe_page(page: Page, cluster: Cluster) -> Page:
    """The recipe's page of a cluster that is ready."""
    Cluster.objects.update(state="ready")
    page.goto(f"/clusters/{cluster.pk}/do/lift/")
    return page


def looks_well(page: Page, name: str) -> None:
    page.mouse.move(0, 0)  # a button under it would be half on its way to another colour
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = Axe().run(page).response["violations"]
        assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found] == []
    fits(page, name)


def answer_all(page: Page) -> None:
    """Answers that bring a warning, an error that may be waived, and a text that runs as root."""
    page.get_by_label("Kubernetes version").fill("v1.21.14")
    page.get_by_label("Quota of etcd").fill("9")
    page.get_by_label("Second etcd member").select_option("node2")
    page.get_by_label("Run the script of the network team first").check()
    expect(page.locator("#root-texts")).to_be_visible()
    expect(page.locator("#do-order [data-weight=warning]")).to_be_visible()


def acknowledge_all(page: Page) -> None:
    """The error with a reason, the warning by its box, and the text: the first two by keyboard."""
    order, why_not = page.locator("#do-order"), page.locator("#why-not")
    order.locator("input[name=reason]").fill("a lab needs no third member")
    page.keyboard.press("Enter")
    expect(order.locator("[data-weight=waived]")).to_contain_text("“a lab needs no third member”")
    expect(why_not).to_have_text("Acknowledge 1 warning first.")
    order.get_by_role("checkbox", name="Acknowledge").focus()
    page.keyboard.press("Space")
    expect(why_not).to_contain_text("Read 1 text that runs as root first")
    expect(order.locator("[data-weight=warning]")).to_contain_text("alice")
    order.get_by_role("button", name="Acknowledge: I have read it").click()
    expect(page.locator("#root-texts")).to_contain_text("Acknowledged by alice")
    expect(page.locator("#do-run")).to_be_enabled()


def test_what_answers_bring_is_shown_as_they_are_typed(recipe_page: Page) -> None:
    page, order = recipe_page, recipe_page.locator("#do-order")
    looks_well(page, "order-empty")
    page.get_by_label("Kubernetes version").press_sequentially("v1.21.14")
    expect(order).to_contain_text("The change brings no new finding.")
    expect(page.get_by_label("Kubernetes version")).to_be_focused()
    looks_well(page, "order-same")
    page.get_by_label("Pod network").fill("10.0.0.0/33")
    expect(order.locator("[data-weight=error]")).to_contain_text("Expected the pod network")
    expect(page.locator("#do-run")).to_be_disabled()
    expect(page.locator("#do-preview")).to_be_disabled()
    answer_all(page)
    looks_well(page, "order-all")
    page.get_by_label("Kubernetes version").fill("")
    expect(page.locator("#problem-to")).to_contain_text("An answer is required.")
    expect(order).not_to_contain_text("What changes in the document")
    looks_well(page, "order-missing")


def test_from_the_answers_to_the_run(recipe_page: Page) -> None:
    page, run = recipe_page, recipe_page.locator("#do-run")
    answer_all(page)
    acknowledge_all(page)
    looks_well(page, "order-read")
    # Another answer takes with it what was acknowledged for this one.
    box = page.locator("#do-order").get_by_role("checkbox", name="Acknowledge")
    page.get_by_label("Quota of etcd").fill("10")
    expect(run).to_be_disabled()
    expect(box).not_to_be_checked()
    page.get_by_label("Quota of etcd").fill("9")
    expect(box).to_be_checked()
    expect(run).to_be_enabled()
    run.click()
    page.wait_for_url("**/runs/*/")
    done = Run.objects.get()
    assert {each["id"] for each in done.acknowledged} == {"etcd.quota_large", "etcd.even_count"}
    assert [each["by"] for each in done.acknowledged_texts] == ["alice"]
    assert SECRET not in page.content()


def test_a_document_that_changed_keeps_what_was_typed(recipe_page: Page, cluster: Cluster, alice: User) -> None:
    recipe_page.get_by_label("Kubernetes version").fill("v1.21.14")
    expect(recipe_page.locator("#do-order")).to_contain_text("The change brings no new finding.")
    cluster.refresh_from_db()
    other = services.document_of(cluster).model_copy(update={"name": "other"})
    services.draft_update(actor=alice, cluster=cluster, document=other, version=cluster.version)
    recipe_page.locator("#do-run").click()
    expect(recipe_page.locator("#do-problems")).to_contain_text("was changed since this page was opened")
    expect(recipe_page.get_by_label("Kubernetes version")).to_have_value("v1.21.14")
    looks_well(recipe_page, "order-conflict")
    recipe_page.locator("#do-run").click()
    recipe_page.wait_for_url("**/runs/*/")


def test_without_javascript_and_without_the_password_it_works_too(
    browser: Browser, live_server: LiveServer, client: Client, alice: User, cluster: Cluster
) -> None:
    Cluster.objects.update(state="ready")
    client.force_login(alice)
    session = client.session
    session["password_given_at"] = 0
    session.save()
    with browser.new_context(base_url=live_server.url, java_script_enabled=False) as context:
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
        page = context.new_page()
        page.goto(f"/clusters/{cluster.pk}/do/lift/")
        page.get_by_label("Kubernetes version").fill("v1.21.14")
        page.get_by_label("Quota of etcd").fill("9")
        page.get_by_label("Run the script of the network team first").check()
        page.get_by_role("button", name="Show what this changes").click()
        expect(page.locator("#root-texts")).to_contain_text("curl -fsS -u fleet:")
        assert SECRET not in page.content()
        page.locator("[data-weight=warning]").get_by_role("checkbox").check()
        page.locator("[data-weight=warning]").get_by_role("button", name="Save").click()
        expect(page.locator("#messages")).to_contain_text("Noted.")
        expect(page.get_by_label("Quota of etcd")).to_have_value("9")
        page.get_by_role("link", name="Enter your password to read the masked parts").click()
        page.get_by_label("Password").fill("alice-likes-ships")
        page.locator("main button[type=submit]").first.click()
        expect(page.locator("#root-texts")).to_contain_text(SECRET)
        expect(page.get_by_label("Quota of etcd")).to_have_value("9")
        page.get_by_role("button", name="Acknowledge: I have read it").click()
        expect(page.locator("#do-run")).to_be_enabled()
        page.locator("#do-run").click()
        page.wait_for_url("**/runs/*/")
    assert len(Run.objects.get().acknowledged_texts) == 1
