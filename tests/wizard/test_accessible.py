"""axe finds no violations on any page of a draft, in any state, light and dark; every page fits each window width."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import get_resolver
from playwright.sync_api import expect

from clusters import services
from clusters.models import Cluster, Scan
from clusters.services import draft_create
from clusters.wizard.core import flow
from tests.browser import browser
from tests.conftest import SEED
from tests.wizard.browsing import (
    _database_beside_playwright,
    _wizard_alone,
    context,
    inspected,
    open_page,
    page,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from django.contrib.auth.models import User
    from playwright.sync_api import Page

__all__ = ["_database_beside_playwright", "_wizard_alone", "browser", "context", "page"]

# To judge a page takes seconds, on a busy machine many; the limit only ends what hangs.
pytestmark = [pytest.mark.early, pytest.mark.timeout(360), pytest.mark.django_db(transaction=True)]

BESIDE = {
    "wizard-add": "machines/add",
    "wizard-rename": "machines/rename",
    "wizard-jump": "machines/jump",
    "wizard-scan": "machines/scan",
    "wizard-login": "machines/login",
}
"""Address -> the wizard's pages that are not steps."""
NO_PAGE = {
    "wizard", "wizard-start", "wizard-practice", "wizard-layout", "wizard-copy", "wizard-document", "wizard-checks",
    "wizard-check", "wizard-precheck-waive", "wizard-waive", "wizard-acknowledge", "wizard-scan-table",
    "wizard-scan-cancel",
    "wizard-probes", "wizard-probe", "wizard-accept", "wizard-arch", "wizard-version",
}  # fmt: skip
"""Addresses of the wizard that are a part of a page, or a deed."""
WINDOWS = pytest.mark.parametrize("width", (360, 1600))
COLORS = "axe.run({ runOnly: ['color-contrast', 'link-in-text-block'] }).then(({ violations }) => violations)"
"""axe's rules on colors, once it is in the page."""


class Look:
    """axe's violations on the visited pages. In dark mode only colors differ."""

    def __init__(self, page: Page, width: int) -> None:
        page.set_viewport_size({"width": width, "height": 900})
        # Colors during a transition must not be judged.
        page.emulate_media(reduced_motion="reduce")
        self.page = page
        self.found: dict[str, list[str]] = {}

    def at(self, name: str) -> None:
        self.page.emulate_media(color_scheme="light")
        self.note(name, Axe().run(self.page).response["violations"])
        self.page.emulate_media(color_scheme="dark")
        self.note(f"{name} in the dark", self.page.evaluate(COLORS))

    def note(self, name: str, violations: Iterable[dict[str, Any]]) -> None:
        for violation in violations:
            self.found[f"{name} {violation['id']}"] = [node["html"] for node in violation["nodes"]]
        if self.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            self.found[name] = ["wider than the window"]


def _faulty() -> str:
    text = SEED.replace("address: 10.99.0.2,", "address: nobody home,").replace('password: "Qcloud@123"', 'arch: "x86"')
    return text.replace("plugin: bridge", "plugin: calico").replace(
        "kubeServiceCIDR", "calico: {vethMTU: -1}\n    kubeServiceCIDR"
    )


def test_the_list_of_pages_is_whole() -> None:
    names = {name for name in get_resolver().reverse_dict if isinstance(name, str) and name.startswith("wizard")}
    assert names == NO_PAGE | set(BESIDE)


def _good(alice: User) -> Cluster:
    cluster = Cluster.objects.create(owner=alice, name="good", document=SEED)
    inspected(cluster, *((check, f"node{n}", "error") for check in ("hw.ram_role", "access.facts") for n in range(7)))
    return cluster


DRAFTS: dict[str, Callable[[User], Cluster]] = {
    "good": _good,
    "faulty": lambda alice: Cluster.objects.create(owner=alice, name="faulty", document=_faulty()),
    "new": lambda alice: draft_create(actor=alice, name="new"),
}


@WINDOWS
@pytest.mark.parametrize("draft", DRAFTS)
def test_every_page_of_a_good_a_faulty_and_a_new_draft(page: Page, alice: User, draft: str, width: int) -> None:
    cluster = DRAFTS[draft](alice)
    look = Look(page, width)
    for slug in (*(each.slug for each in flow.pages()), *BESIDE.values()):
        open_page(page, cluster, slug)
        look.at(f"{draft} {slug}")
    assert look.found == {}


@WINDOWS
def test_every_page_around_a_draft(page: Page, cluster: Cluster, width: int) -> None:
    cluster.document = SEED + "  system: {timezone: Europe/Berlin, debs: [htop]}\n"
    cluster.save()
    look = Look(page, width)
    for name, address in {"list": "/", "import": "/clusters/import/"}.items():
        page.goto(address)
        look.at(name)
    page.locator("textarea[name=text]").fill("spec:\n  hosts: [ {name: a\n")
    page.locator(".import-form button[type=submit]").click()
    expect(page.locator(".findings")).to_be_visible()
    look.at("import refused")
    for name, opener in {"": "delete-cluster", "export/": "secrets-v4"}.items():
        page.goto(f"/clusters/{cluster.pk}/{name}")
        look.at(name or "cluster")
        page.locator(f"[data-opens={opener}]").click()
        look.at(opener)
    page.goto("/")
    page.locator("[data-opens=new-cluster]").first.click()
    look.at("new cluster")
    assert look.found == {}


def _login(page: Page, cluster: Cluster) -> None:
    page.goto(f"/clusters/{cluster.pk}/wizard/machines/login/?row=0:node1&row=1:node2")
    page.locator("select").first.select_option(index=1)


def _list(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "machines/add")
    page.locator("#id_text").fill("name,ip,role\nn1,10.97.0.1,worker\nn2,10.97.0.1,worker\nnode1,10.97.0.3,etcd\n")
    expect(page.locator("#take")).to_contain_text("Add 1 machine")


def _scan(page: Page, cluster: Cluster) -> None:
    found = [{"address": "10.97.0.9", "banner": "SSH-2.0-OpenSSH_9.2"}, {"address": "10.99.0.1", "banner": "SSH-2.0-x"}]
    Scan.objects.update_or_create(
        cluster=cluster, defaults={"network": "10.97.0.0/24", "state": "done", "found": found}
    )
    open_page(page, cluster, "machines/scan")


def _layouts(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "roles")
    page.locator("details:has-text('Start from a layout') summary").first.click()


def _options(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "kubernetes")
    for plugin in ("calico", "hybridnet"):
        page.locator("#id_plugin").select_option(plugin)
        expect(page.locator(f"[id^=id_option-{plugin}-]").first).to_be_attached()
    page.locator("#plugin-options summary").click()


def _broken_text(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "kubernetes")
    page.locator("#preview").evaluate("fold => { fold.open = true; }")
    yaml = page.locator("#yaml")
    yaml.fill(yaml.input_value().replace("kind: Cluster", "kind: [Cluster"))
    expect(page.locator("#marks")).to_contain_text("Not saved")


def _conflict(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "kubernetes")
    cluster.refresh_from_db()
    fresh = services.document_of(cluster).model_copy(update={"name": "theirs"})
    services.draft_update(actor=cluster.owner, cluster=cluster, document=fresh, version=cluster.version)
    page.locator("#id_name").fill("mine")
    expect(page.locator("#conflict")).to_contain_text("theirs")


def _secrets(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "review")
    page.locator("[data-opens=with-secrets]").click()


STATES: tuple[Callable[[Page, Cluster], None], ...] = (
    _login, _list, _scan, _layouts, _options, _broken_text, _secrets, _conflict,
)  # fmt: skip


@WINDOWS
def test_what_pages_become_when_one_works_with_them(page: Page, cluster: Cluster, width: int) -> None:
    look = Look(page, width)
    for deed in STATES:
        deed(page, cluster)
        look.at(deed.__name__)
    assert look.found == {}
