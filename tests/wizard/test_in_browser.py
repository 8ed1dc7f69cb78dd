"""The wizard in a real browser: with the keyboard only, in two tabs, as text and as forms."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from clusters.models import Run
from clusters.services import draft_create
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
    tab_to,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from playwright.sync_api import BrowserContext, Page

    from clusters.config.schema import Document
    from clusters.models import Cluster

__all__ = ["_database_beside_playwright", "_wizard_alone", "browser", "context", "page"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_whole_wizard_by_keyboard_alone(page: Page, alice: User) -> None:
    draft = draft_create(actor=alice, name="keys")
    open_page(page, draft, "machines")
    keyboard = page.keyboard
    for place, (name, address) in enumerate([("node1", "10.99.0.1"), ("node2", "10.99.0.2")]):
        if place:
            tab_to(page, "#add-machine")
            keyboard.press("Enter")
        tab_to(page, f"#id_host-{place}-name")
        keyboard.type(name)
        keyboard.press("Tab")
        keyboard.type(address)
        tab_to(page, f"#id_host-{place}-password")
        keyboard.type("pass-1")
    tab_to(page, "#next")
    keyboard.press("Enter")
    page.wait_for_url("**/wizard/connection/")
    tab_to(page, "#next")
    keyboard.press("Enter")
    page.wait_for_url("**/wizard/roles/")
    tab_to(page, "[name='role-etcd'][value='node1']")
    keyboard.press("Space")
    keyboard.press("ArrowRight")
    keyboard.press("Space")
    tab_to(page, "[data-tick='role-worker'][data-to='on']", back=True)
    keyboard.press("Enter")
    expect(page.locator("[name='role-worker']:checked")).to_have_count(2)
    for slug in ("endpoint", "kubernetes", "prechecks", "review"):
        tab_to(page, "#next")
        keyboard.press("Enter")
        page.wait_for_url(f"**/wizard/{slug}/")
    groups = stored(draft).role_groups
    assert (groups.etcd, groups.master, groups.worker) == (("node1",), ("node1",), ("node1", "node2"))
    tab_to(page, "#install-cluster")
    keyboard.press("Enter")
    page.wait_for_url("**/runs/*/")
    assert Run.objects.get().cluster == draft


def test_warnings_are_ticked_by_keyboard_and_install_opens(page: Page, cluster: Cluster) -> None:
    cluster.document = SEED.replace('address: 10.99.0.3, password: "Testing123"', "address: 10.99.0.3").replace(
        'user: ubuntu, password: "Testing123"', "user: ubuntu"
    )
    cluster.save()
    open_page(page, cluster, "review")
    boxes = page.locator(".waive .tick:not(:checked)")
    expect(page.locator("#install-cluster")).to_be_disabled()
    while left := boxes.count():
        tab_to(page, ".waive .tick:not(:checked)")
        page.keyboard.press("Space")
        expect(boxes).to_have_count(left - 1)
    expect(page.locator("#install-cluster")).to_be_enabled()
    expect(page.locator(".waive").first).to_contain_text("alice")


def test_rows_are_saved_as_they_are_typed_and_only_those(page: Page, cluster: Cluster) -> None:
    def late(document: Document) -> list[tuple[str, str]]:
        return [(host.name, host.address) for host in document.hosts][3:]

    def has_late(address: str, document: Document) -> bool:
        return late(document) == [("late", address)]

    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or "") if request.method == "POST" else None)
    open_page(page, cluster, "machines")
    page.locator("#id_host-1-address").fill("10.99.0.22")
    saved(page, 2)
    assert "host-1-address=10.99.0.22" in sent[-1] and "host-0-address" not in sent[-1]
    page.locator("#add-count").fill("2")
    page.locator("#add-machine").click()
    page.locator("#id_host-4-name").fill("late")
    for address in ("10.99.0.5", "10.99.0.55"):
        page.locator("#id_host-4-address").fill(address)
        comes_to_be_stored(page, cluster, partial(has_late, address))
    assert stored(cluster).hosts[1].address == "10.99.0.22"


def test_twins_are_marked_while_one_types(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "machines")
    page.locator("#id_host-2-address").fill("10.99.0.1")
    expect(page.locator("#id_host-0-address")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#id_host-2-address")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#problem-host-2")).to_contain_text("already belongs to machine 1")
    page.locator("#id_host-2-address").fill("10.99.0.3")
    expect(page.locator("#id_host-0-address")).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator("#problem-host-2")).to_be_empty()


def test_a_pasted_list_has_a_preview_before_it_is_added(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "machines")
    page.locator("#id_host-0-name").evaluate(
        """field => {
          const data = new DataTransfer();
          data.setData("text/plain", "name,ip\\nn7,10.99.0.7\\nn8,10.99.0.8\\nnode1,10.99.0.9");
          field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }"""
    )
    page.wait_for_url("**/machines/add/")
    expect(page.locator("#take")).to_contain_text("Add 2 machines")
    page.locator("[data-leave]").first.uncheck()
    text = page.locator("#id_text")
    text.fill(text.input_value().replace("name,ip\n", "name,ip\nn9,10.99.0.10\n"))
    expect(page.locator("#take")).to_contain_text("Add 3 machines")
    assert len(stored(cluster).hosts) == 3
    page.locator("#take").click()
    page.wait_for_url("**/wizard/machines/")
    assert [host.name for host in stored(cluster).hosts][3:] == ["n9", "n8"]


def test_what_is_typed_as_text_comes_into_the_forms_and_the_other_way_round(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "kubernetes")
    yaml = page.locator("#yaml")
    yaml.fill(yaml.input_value().replace("clusterName: cluster.local", "clusterName: typed.local"))
    expect(page.locator("#id_cluster_name")).to_have_value("typed.local")
    page.locator("#id_cluster_name").fill("form.local")
    expect(yaml).to_have_value(re.compile("clusterName: form.local"))
    assert stored(cluster).kubernetes.cluster_name == "form.local"


def test_text_that_cannot_be_read_leaves_the_forms_alone_and_leads_to_its_line(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "kubernetes")
    yaml = page.locator("#yaml")
    good = yaml.input_value()
    yaml.fill(good.replace("kind: Cluster", "kind: [Cluster"))
    expect(page.locator("#marks")).to_contain_text("Not saved")
    expect(page.locator("#id_cluster_name")).to_have_value("cluster.local")
    page.locator("#marks [data-line]").first.press("Enter")
    expect(yaml).to_be_focused()
    yaml.fill(good.replace("name: sample", "name: mended"))
    expect(page.locator("#marks")).not_to_contain_text("Not saved")
    expect(page.locator("#id_name")).to_have_value("mended")


def test_two_tabs_never_overwrite_each_other(context: BrowserContext, page: Page, cluster: Cluster) -> None:
    other = context.new_page()
    for tab in (page, other):
        open_page(tab, cluster, "kubernetes")
    page.locator("#id_cluster_name").fill("first.local")
    saved(page, 2)
    other.locator("#id_cluster_name").fill("second.local")
    expect(other.locator("#conflict")).to_contain_text("first.local")
    expect(other.locator("#conflict")).to_contain_text("second.local")
    assert stored(cluster).kubernetes.cluster_name == "first.local"
    other.get_by_role("button", name="Save my values").click()
    saved(other, 3)
    expect(other.locator("#conflict")).to_be_empty()
    assert stored(cluster).kubernetes.cluster_name == "second.local"
    page.locator("#id_cluster_name").fill("third.local")
    expect(page.locator("#conflict")).to_contain_text("second.local")
    page.get_by_role("link", name="Keep the stored values").click()
    expect(page.locator("#id_cluster_name")).to_have_value("second.local")


def test_the_picture_and_the_sentence_follow_the_boxes(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "roles")
    expect(page.locator("#sentence")).to_contain_text("1 etcd member")
    page.get_by_role("button", name="etcd: all machines").click()
    expect(page.locator("#sentence")).to_contain_text("3 etcd members")
    page.get_by_role("button", name="node3: no role").click()
    expect(page.locator("#sentence")).to_contain_text("2 etcd members")
    expect(page.locator(".topology")).to_have_attribute("aria-label", re.compile("node3: no role"))


def test_an_error_leads_into_its_field(page: Page, cluster: Cluster) -> None:
    cluster.document = SEED.replace("address: 10.99.0.2,", "address: nobody home,")
    cluster.save()
    page.goto(f"/clusters/{cluster.pk}/wizard/")
    page.wait_for_url("**/wizard/machines/")
    open_page(page, cluster, "review")
    page.locator(".finding-go").first.click()
    page.wait_for_url("**/wizard/machines/#id_host-1-address")
    expect(page.locator("#id_host-1-address")).to_be_focused()
