"""Typed input is not lost when the user leaves the page; a failed save is reported, retried, and then saved."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from playwright.sync_api import expect

from clusters import services
from clusters.models import Cluster, Inspection, Scan, Session
from clusters.services import draft_update
from tests.browser import browser
from tests.conftest import SEED
from tests.wizard.browsing import (
    _database_beside_playwright,
    _wizard_alone,
    comes_to_be_stored,
    context,
    inspected,
    open_page,
    page,
    stored,
)
from tests.wizard.test_root_texts_in_browser import ROOT

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from playwright.sync_api import BrowserContext, Dialog, Page
    from pytest_django.live_server_helper import LiveServer

__all__ = ["_database_beside_playwright", "_wizard_alone", "browser", "context", "page"]

pytestmark = pytest.mark.django_db(transaction=True)


def sign_in(context: BrowserContext, user: User, address: str) -> None:
    """As if somebody signed in in another tab of this browser: another session, and another token for forms."""
    client = Client()
    client.force_login(user)
    token = "b" * 32
    cookies = [("sessionid", client.cookies["sessionid"].value), ("csrftoken", token)]
    context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies])


def test_a_link_that_is_followed_at_once_waits_for_the_save(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "kubernetes")
    page.locator("#id_name").fill("harbour")
    page.locator("#rail a", has_text="Roles").click()
    page.wait_for_url("**/wizard/roles/")
    assert stored(cluster).name == "harbour"


def test_a_link_stays_on_a_page_that_cannot_be_saved(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "kubernetes")
    page.route("**/wizard/kubernetes/", lambda route: route.fulfill(status=500, body="broken"))
    page.locator("#id_name").fill("harbour")
    page.locator("#rail a", has_text="Roles").click()
    expect(page.locator("#failing")).to_contain_text("Slipway returned error 500.")
    expect(page.locator("#id_name")).to_have_value("harbour")
    assert page.url.endswith("/wizard/kubernetes/")
    page.unroute("**/wizard/kubernetes/")
    page.get_by_role("button", name="Try again").click()
    comes_to_be_stored(page, cluster, lambda document: document.name == "harbour")
    expect(page.locator("#failing")).to_be_hidden()
    expect(page.locator("#saved")).to_contain_text("Saved")


def test_who_closes_the_tab_at_once_is_asked(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "kubernetes")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.locator("#id_name").click()
    page.keyboard.press("End")
    page.keyboard.type("x")
    page.close(run_before_unload=True)
    comes_to_be_stored(page, cluster, lambda document: document.name == "samplex")
    assert asked == ["beforeunload"]


def test_next_waits_for_a_save_that_fails_and_keeps_what_was_typed(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "kubernetes")
    Session.objects.all().delete()
    page.locator("#id_name").fill("harbour")
    page.locator("#next").click()
    expect(page.locator("#failing")).to_contain_text("You are signed out.")
    expect(page.locator("#failing")).to_contain_text("What you typed is still here.")
    expect(page.locator("#saved")).to_have_text("Not saved")
    expect(page.locator("#id_name")).to_have_value("harbour")
    assert stored(cluster).name == "sample"


def test_after_signing_in_beside_the_page_what_was_typed_is_saved(
    context: BrowserContext, page: Page, cluster: Cluster, alice: User, live_server: LiveServer
) -> None:
    open_page(page, cluster, "kubernetes")
    Session.objects.all().delete()
    page.locator("#id_name").fill("harbour")
    link = page.locator("#failing-sign-in")
    expect(link).to_have_attribute("href", re.compile(rf"/accounts/login/\?next=.*{cluster.pk}.*kubernetes"))
    expect(link).to_have_attribute("target", "_blank")
    sign_in(context, alice, live_server.url)
    comes_to_be_stored(page, cluster, lambda document: document.name == "harbour")
    expect(page.locator("#failing")).to_be_hidden()


def test_another_user_in_the_same_browser_saves_nothing_of_the_page(
    context: BrowserContext, page: Page, cluster: Cluster, bob: User, live_server: LiveServer
) -> None:
    open_page(page, cluster, "kubernetes")
    sign_in(context, bob, live_server.url)
    page.locator("#id_name").fill("harbour")
    expect(page.locator("#failing")).to_contain_text("Another user is now signed in")
    assert stored(cluster).name == "sample"


def test_what_could_not_be_sent_is_saved_as_soon_as_the_server_is_there(
    context: BrowserContext, page: Page, cluster: Cluster
) -> None:
    open_page(page, cluster, "kubernetes")
    context.set_offline(True)
    page.locator("#id_name").fill("harbour")
    expect(page.locator("#failing")).to_contain_text("Slipway cannot be reached.")
    expect(page.locator("#announce")).to_contain_text("Not saved.")
    context.set_offline(False)
    comes_to_be_stored(page, cluster, lambda document: document.name == "harbour")
    expect(page.locator("#failing")).to_be_hidden()


def test_text_typed_before_next_is_saved_with_the_page(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "kubernetes")
    yaml = page.locator("#yaml")
    yaml.fill(yaml.input_value().replace("clusterName: cluster.local", "clusterName: typed.local"))
    page.locator("#next").click()
    page.wait_for_url("**/wizard/prechecks/")
    assert stored(cluster).kubernetes.cluster_name == "typed.local"


def test_a_page_that_met_another_edit_saves_what_is_typed_instead(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "machines")
    page.locator("#id_host-1-user").fill("mine")
    document = stored(cluster)
    fresh = document.model_copy(update={"name": "theirs"})
    # The save of the page and the other one meet whichever is first; this one is not announced to the page.
    draft_update(actor=cluster.owner, cluster=cluster, document=fresh, version=1)
    page.locator("#next").click()
    expect(page.locator("#conflict")).to_contain_text("hosts.node2.user")
    page.get_by_role("button", name="Save my values").click()
    comes_to_be_stored(page, cluster, lambda document: document.hosts[1].user == "mine")
    expect(page.locator("#conflict")).to_be_empty()


def test_a_signed_out_poll_is_reported_and_leaves_the_page_unchanged(page: Page, cluster: Cluster) -> None:
    inspected(cluster, ("hw.ram_role", "node1", "error"))
    Inspection.objects.update(state="running")
    open_page(page, cluster, "prechecks")
    Session.objects.all().delete()
    expect(page.locator("#failing")).to_contain_text("You are signed out.")
    expect(page.locator("#failing-sign-in")).to_have_attribute("href", re.compile("next=.*prechecks"))
    expect(page.locator(".check")).to_be_visible()
    assert page.locator("input[type=password]").count() == 0


def test_a_form_beside_the_machines_is_not_left_unasked(page: Page, cluster: Cluster) -> None:
    page.goto(f"/clusters/{cluster.pk}/wizard/machines/login/?row=0:node1")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.locator("#id_password").click()
    page.keyboard.type("secret")
    page.locator("#back").click(no_wait_after=True)
    page.wait_for_timeout(500)
    assert asked == ["beforeunload"]
    page.locator("#take").click()
    page.wait_for_url("**/wizard/machines/")
    assert asked == ["beforeunload"]


def test_counts_of_a_scan_are_announced_seldom_and_its_end_at_once(page: Page, cluster: Cluster) -> None:
    scan = Scan.objects.create(cluster=cluster, network="10.9.0.0/24", port=22, state="running", total=254)
    page.clock.install()
    page.goto(f"/clusters/{cluster.pk}/wizard/machines/scan/")
    page.evaluate(
        "window.heard = []; new MutationObserver(() => heard.push(document.getElementById('announce').textContent))"
        ".observe(document.getElementById('announce'), { childList: true, characterData: true, subtree: true });"
    )
    assert page.locator("#scan [role=status]").count() == 0
    for looked in (20, 40, 60):
        Scan.objects.update(looked=looked)
        page.clock.run_for(1100)
        expect(page.locator("#scan")).to_contain_text(f"{looked} of 254")
    assert page.evaluate("heard") == []
    page.clock.run_for(10_000)
    page.wait_for_function("() => heard.length === 1")
    Scan.objects.filter(pk=scan.pk).update(state="done", looked=254)
    page.clock.run_for(1100)
    page.wait_for_function("() => heard.length === 2")
    assert "254 of 254" in page.evaluate("heard[1]")


def test_the_focus_stays_near_a_text_that_was_acknowledged(page: Page, alice: User) -> None:
    cluster, _findings = services.draft_import(actor=alice, text=SEED + ROOT)
    assert cluster is not None
    open_page(page, cluster, "review")
    buttons = page.locator("#root-texts form button")
    count = buttons.count()
    buttons.first.focus()
    page.keyboard.press("Enter")
    expect(buttons).to_have_count(count - 1)
    assert page.evaluate("document.activeElement.closest('#root-texts li') !== null")


def test_a_refused_acknowledgement_is_reported_with_the_current_text(page: Page, alice: User) -> None:
    cluster, _findings = services.draft_import(actor=alice, text=SEED + ROOT)
    assert cluster is not None
    open_page(page, cluster, "review")
    Cluster.objects.update(document=(SEED + ROOT).replace("agent.sh", "other.sh"))
    page.locator("#root-texts form button").first.click()
    expect(page.locator("#messages")).to_contain_text("The text has changed since this page was opened.")
    expect(page.locator("#messages .note-error")).to_be_focused()
    expect(page.locator("#root-texts pre").first).to_contain_text("other.sh")


def test_a_list_is_not_sent_to_the_sign_in_page(
    context: BrowserContext, page: Page, cluster: Cluster, alice: User, live_server: LiveServer
) -> None:
    page.goto(f"/clusters/{cluster.pk}/wizard/machines/add/")
    page.locator("#id_text").fill("extra 10.99.0.50")
    page.locator("#take").wait_for()
    Session.objects.all().delete()
    page.locator("#take").click()
    expect(page.locator("#failing")).to_contain_text("Sign in from another tab, then press the button again.")
    expect(page.locator("#id_text")).to_have_value("extra 10.99.0.50")
    sign_in(context, alice, live_server.url)
    page.locator("#take").click()
    page.wait_for_url("**/wizard/machines/")
    assert stored(cluster).hosts[-1].name == "extra"
