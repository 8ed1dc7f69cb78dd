"""Walks through the pages, as a user makes them."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.e2e.serving import Site

OWN_PASSWORD = "a-ship-on-its-way-42"
ROLES = {"etcd": ("node1",), "master": ("node1",), "worker": ("node2", "node3")}
MACHINES = ("node1", "node2", "node3")
SECONDS = 1000  # in the milliseconds that Playwright counts
INSTALL_SECONDS = 600
OVER = ("succeeded", "failed", "cancelled")


class Walk:
    """The text of every visited page, to search it for secrets afterwards."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pages: dict[str, str] = {}

    def remember(self, name: str) -> None:
        """Record the current page."""
        self.pages[name] = self.page.content()

    def next(self, slug: str) -> None:
        """Go on to the wizard's page of this name."""
        self.page.locator("#next").click()
        self.page.wait_for_url(f"**/wizard/{slug}/")


def sign_in(page: Page, site: Site) -> None:
    """Sign in with the one-time password, which must be changed before anything else."""
    page.goto("/")
    page.locator("[name=username]").fill(site.user)
    page.locator("[name=password]").fill(site.one_time_password)
    page.locator("[name=password]").press("Enter")
    page.wait_for_url("**/accounts/password/")
    page.locator("[name=old_password]").fill(site.one_time_password)
    page.locator("[name=new_password1]").fill(OWN_PASSWORD)
    page.locator("[name=new_password2]").fill(OWN_PASSWORD)
    page.locator("[name=new_password2]").press("Enter")
    page.wait_for_url(f"{site.url}/")


def tick_roles(page: Page) -> None:
    """One control plane and two workers, ticked one by one."""
    for group, members in ROLES.items():
        for name in MACHINES:
            page.locator(f"[name='role-{group}'][value='{name}']").set_checked(name in members, force=True)


def take_layout(slug: str) -> Callable[[Page], None]:
    """Choose roles and endpoint together, with the button of a layout."""

    def take(page: Page) -> None:
        page.locator(".layouts summary").click()
        page.locator(f"button[name=layout][value={slug}]").click()
        page.wait_for_url("**/wizard/roles/")

    return take


def as_it_is(page: Page) -> None:
    """A page on which nothing is changed."""


def through_the_wizard(
    walk: Walk,
    cluster: str,
    machines: Sequence[str] = MACHINES,
    roles: Callable[[Page], None] = tick_roles,
    endpoint: Callable[[Page], None] = as_it_is,
) -> None:
    """From the list of clusters to the review page, with the practice machines."""
    page = walk.page
    page.goto("/")
    walk.remember("clusters")
    page.get_by_role("button", name="New cluster").first.click()
    page.locator("#new-name").fill(cluster)
    page.locator("#new-cluster button[type=submit]").click()
    page.wait_for_url("**/wizard/machines/")
    page.locator("#use-practice-machines").click()
    for name in machines:
        expect(page.locator(f"input[value='{name}']").first).to_be_attached()
    walk.remember("machines")
    walk.next("connection")
    try_connections(walk, len(machines))
    walk.next("roles")
    roles(page)
    walk.remember("roles")
    walk.next("endpoint")
    endpoint(page)
    walk.remember("endpoint")
    walk.next("kubernetes")
    walk.remember("kubernetes")
    walk.next("prechecks")
    walk.remember("prechecks")
    walk.next("review")
    walk.remember("review")


def try_connections(walk: Walk, count: int) -> None:
    """Test every machine, and accept the new host keys."""
    page = walk.page
    page.locator("#test-all").click()
    expect(page.locator("[data-host][data-state='ask']")).to_have_count(count, timeout=60 * SECONDS)
    walk.remember("host-keys")
    page.locator("#accept-all-keys").click()
    expect(page.locator("[data-host][data-state='ok']")).to_have_count(count, timeout=60 * SECONDS)
    walk.remember("connection")


def acknowledge(page: Page) -> None:
    """Acknowledge each warning on the review page, and confirm that each text that runs as root was read."""
    boxes = page.locator(".waive .tick:not(:checked)")
    while left := boxes.count():
        boxes.first.check()
        expect(boxes).to_have_count(left - 1)
    buttons = page.locator("#root-texts form button")
    while left := buttons.count():
        buttons.first.click()
        expect(buttons).to_have_count(left - 1)


def install(walk: Walk) -> int:
    """Press the button; returns the number of the run whose page opens."""
    acknowledge(walk.page)
    walk.page.locator("#install-cluster").click()
    walk.page.wait_for_url(re.compile(r"/runs/\d+/$"))
    return run_number(walk.page)


def run_number(page: Page) -> int:
    """The run whose page is open."""
    found = re.search(r"/runs/(\d+)/", page.url)
    assert found is not None, page.url
    return int(found[1])


def run_state(page: Page) -> str:
    """The state that the run's page shows now."""
    return page.locator("#run-state").get_attribute("data-state") or ""


def wait_until_over(walk: Walk, seconds: float = INSTALL_SECONDS) -> str:
    """Watch the page, without reloading it, until it shows the end; new lines must appear meanwhile."""
    until, sizes = time.monotonic() + seconds, {text_shown(walk.page)}
    while (state := run_state(walk.page)) not in OVER:
        assert time.monotonic() < until, f"the run is still {state} after {seconds:.0f} seconds"
        walk.page.wait_for_timeout(500)
        size = text_shown(walk.page)
        if size and sizes == {0}:
            walk.remember("run")
        sizes.add(size)
    assert state != "succeeded" or len(sizes) > 2, "the log did not grow while the page was watched"
    walk.remember(f"run-{run_number(walk.page)}-{state}")
    return state


def text_shown(page: Page) -> int:
    """How many characters the log on the page holds."""
    return int(page.locator("#log-lines").evaluate("lines => lines.textContent.length"))


def kubeconfig(walk: Walk, place: Path) -> Path:
    """Download it from the run's page; the password is needed again, since a run may take more than ten minutes."""
    give_password(walk)
    with walk.page.expect_download() as download:
        walk.page.locator("#download-kubeconfig").click()
    path = place / "kubeconfig"
    download.value.save_as(path)
    path.chmod(0o600)
    return path


def give_password(walk: Walk) -> None:
    """Confirm the password, so that secrets can be downloaded."""
    form: dict[str, str | float | bool] = {"password": OWN_PASSWORD, "next": "/"}
    headers = {"X-CSRFToken": csrf_token(walk)}
    assert walk.page.request.post("/accounts/password/again/", form=form, headers=headers).ok


def csrf_token(walk: Walk) -> str:
    """The CSRF token that this browser's forms must send."""
    return {cookie["name"]: cookie["value"] for cookie in walk.page.context.cookies()}["csrftoken"]


def document_with_secrets(walk: Walk, cluster: int, place: Path) -> Path:
    """The cluster's config-sample.yaml with its passwords, as the download form asks for it."""
    give_password(walk)
    answer = walk.page.request.post(
        f"/clusters/{cluster}/config.yaml", form={"secrets": "show"}, headers={"X-CSRFToken": csrf_token(walk)}
    )
    assert answer.ok, answer.status
    path = place / "config-sample.yaml"
    path.touch(mode=0o600)
    path.write_bytes(answer.body())
    return path
