"""Complete tasks in a real browser: a file with errors, a pasted list, text and forms, prechecks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from clusters import services
from clusters.models import Inspection, Run
from tests.browser import browser
from tests.conftest import SEED
from tests.wizard.browsing import (
    _database_beside_playwright,
    _wizard_alone,
    context,
    inspected,
    open_page,
    page,
    saved,
    stored,
    tab_to,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from playwright.sync_api import Page

    from clusters.models import Cluster

__all__ = ["_database_beside_playwright", "_wizard_alone", "browser", "context", "page"]

pytestmark = pytest.mark.django_db(transaction=True)

PASTE = """(field, text) => {
  const data = new DataTransfer();
  data.setData("text/plain", text);
  field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""
TABLE = "name\tip\tuser\tpassword\trole\nn1\t10.97.0.1\tops\tpass-1\tmaster\nn2\t10.97.0.2\tops\tpass-1\tworker\n"


@pytest.mark.parametrize(
    ("good", "bad", "slug", "field"),
    [
        ("address: 10.99.0.2,", "address: nobody home,", "machines", "#id_host-1-address"),
        ("port: 6443", "port: 99999", "endpoint", "#id_port"),
        ("kubePodsCIDR: 10.233.64.0/18", "kubePodsCIDR: 10.233.64.0", "kubernetes", "#id_kube_pods_cidr"),
    ],
)
def test_a_file_with_an_error_opens_where_it_is_and_marks_the_field(
    page: Page, alice: User, good: str, bad: str, slug: str, field: str
) -> None:
    page.goto("/clusters/import/")
    page.locator("textarea[name=text]").fill(SEED.replace(good, bad))
    page.locator(".import-form button[type=submit]").click()
    page.wait_for_url(f"**/wizard/{slug}/")
    described = page.locator(field).get_attribute("aria-describedby") or ""
    problem = page.locator(f"[id='{described.split()[-1]}']")
    expect(problem.locator(".tone-failed")).to_be_visible()
    page.locator("#findings a").first.click()
    expect(page.locator(field)).to_be_focused()
    expect(page.locator("#gutter .tone-failed")).to_have_count(1)


def test_a_cluster_from_a_pasted_table_through_text_that_breaks_and_is_mended(page: Page, alice: User) -> None:
    draft = services.draft_create(actor=alice, name="pasted")
    open_page(page, draft, "machines")
    page.locator("#id_host-0-name").evaluate(PASTE, TABLE)
    page.wait_for_url("**/machines/add/")
    page.locator("#take").click()
    page.wait_for_url("**/wizard/machines/")
    expect(page.locator("#id_host-1-name")).to_have_value("n2")
    open_page(page, draft, "kubernetes")
    yaml = page.locator("#yaml")
    good = yaml.input_value()
    assert "n1" in good and "pass-1" not in good
    yaml.fill(good.replace("  network:", "  network: ["))
    expect(page.locator("#marks")).to_contain_text("Not saved")
    expect(page.locator("#gutter .is-marked").first).to_be_visible()
    expect(page.locator("#id_kube_pods_cidr")).to_have_value("10.233.64.0/18")
    yaml.fill(re.sub(r"kubePodsCIDR: \S+", "kubePodsCIDR: 10.100.0.0/16", good))
    expect(page.locator("#marks")).not_to_contain_text("Not saved")
    expect(page.locator("#id_kube_pods_cidr")).to_have_value("10.100.0.0/16")
    document = stored(draft)
    assert document.network.kube_pods_cidr == "10.100.0.0/16"
    assert [(host.name, host.password and host.password.reveal()) for host in document.hosts] == [
        ("n1", "pass-1"),
        ("n2", "pass-1"),
    ]
    assert (document.role_groups.master, document.role_groups.worker) == (("n1",), ("n2",))


def test_the_options_follow_the_plugin_and_are_saved_as_they_are_typed(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "kubernetes")
    expect(page.locator("#plugin-options details")).to_have_count(0)
    page.locator("#id_plugin").select_option("calico")
    page.locator("#plugin-options summary").click()
    page.locator("#id_option-calico-ipip_mode").select_option("CrossSubnet")
    saved(page, 3)
    page.locator("#id_option-calico-typha-replicas").fill("3")
    saved(page, 4)
    expect(page.locator("#options-set")).to_have_text("2 set")
    expect(page.locator("#yaml")).to_have_value(re.compile("ipipMode: CrossSubnet"))
    assert stored(cluster).network.calico.typha.replicas == 3
    page.locator("#id_option-calico-typha-replicas").fill("many")
    expect(page.locator("#problem-option-calico-typha-replicas")).to_contain_text("Enter a whole number")
    page.locator("#id_plugin").select_option("flannel")
    expect(page.locator("#id_option-flannel-backend_mode")).to_be_attached()
    expect(page.locator("#id_option-calico-ipip_mode")).to_have_count(0)


def test_a_finding_without_a_field_leads_to_its_line(page: Page, cluster: Cluster) -> None:
    cluster.document = SEED + "  system:\n    ntpServers: [not a name]\n"
    cluster.save()
    page.set_viewport_size({"width": 1000, "height": 800})
    open_page(page, cluster, "review")
    link = page.locator(".finding-go")
    expect(link).to_have_text(re.compile(r"Line \d+"))
    link.click()
    yaml = page.locator("#yaml")
    expect(yaml).to_be_focused()
    expect(yaml).to_be_in_viewport()
    chosen = yaml.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)")
    assert "ntpServers" in chosen


def test_prechecks_are_watched_and_waived_by_keyboard(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "prechecks")
    tab_to(page, "#check-all")
    page.keyboard.press("Enter")
    expect(page.locator("[data-inspection=waiting]")).to_be_visible()
    # What a worker would find; the page sees it by itself.
    inspected(cluster, ("hw.ram_role", "node1", "error"), ("os.swap_off", "node2", "warning"))
    expect(page.locator(".check")).to_have_count(2)
    rail = page.locator(".step[aria-current]")
    expect(rail).to_have_attribute("data-state", "failed")
    tab_to(page, ".check [name=reason]")
    page.keyboard.type("a machine for trying things out")
    page.keyboard.press("Enter")
    expect(page.locator(".check").first).to_contain_text("alice")
    expect(rail).to_have_attribute("data-state", "warning")
    expect(page.get_by_role("button", name="Withdraw")).to_be_focused()
    tab_to(page, ".check .tick:not(:checked)")
    page.keyboard.press("Space")
    expect(rail).to_have_attribute("data-state", "ok")
    tab_to(page, "#next")
    page.keyboard.press("Enter")
    page.wait_for_url("**/wizard/review/")
    expect(page.locator("#checked")).to_contain_text("2 waived or acknowledged")
    page.locator("#install-cluster").click()
    page.wait_for_url("**/runs/*/")
    assert Run.objects.get().waivers == ["hw.ram_role@node1", "os.swap_off@node2:warning"]
    page.locator(".tabs a, [role=tab], nav a", has_text="Facts").first.click()
    expect(page.get_by_role("heading", name="Waived or acknowledged before the run")).to_be_visible()
    expect(page.locator(".fact-findings").last).to_contain_text("node1 is short of it.")


def test_a_waiver_is_withdrawn_and_does_not_cover_a_new_machine(page: Page, cluster: Cluster) -> None:
    inspected(cluster, ("hw.ram_role", "node1", "error"))
    open_page(page, cluster, "prechecks")
    reason, waive = page.locator(".check [name=reason]"), page.get_by_role("button", name="Waive and install anyway")
    waive.click()  # the browser reports that a reason is missing
    expect(page.locator(".check")).to_contain_text("blocking")
    reason.fill("a machine for trying things out")
    waive.click()
    expect(page.locator(".check-word")).to_have_text("waived")
    page.get_by_role("button", name="Withdraw").click()
    expect(page.locator(".check")).to_contain_text("blocking")
    reason.fill("a machine for trying things out")
    waive.click()
    expect(page.locator(".check")).to_contain_text("“a machine for trying things out”")
    Inspection.objects.update(state="running")
    page.reload()
    inspected(cluster, ("hw.ram_role", "node1", "error"), ("hw.ram_role", "node2", "error"))
    expect(page.locator(".check")).to_contain_text("not for node2 yet")
    expect(reason).to_be_visible()
