"""The role matrix with a mouse: paint, drag, undo, and use with three hundred machines."""

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
    from playwright.sync_api import Locator, Page

    from clusters.models import Cluster

__all__ = ["_database_beside_playwright", "_wizard_alone", "browser", "context", "page"]

pytestmark = pytest.mark.django_db(transaction=True)


def box(page: Page, group: str, name: str) -> Locator:
    return page.locator(f"[name='role-{group}'][value='{name}']")


def middle(place: Locator) -> tuple[float, float]:
    found = place.bounding_box()
    assert found is not None
    return found["x"] + found["width"] / 2, found["y"] + found["height"] / 2


def drag(page: Page, start: Locator, *over: Locator) -> None:
    """Press there, and move over each of the others; the button stays down."""
    page.mouse.move(*middle(start))
    page.mouse.down()
    for each in over:
        page.mouse.move(*middle(each), steps=4)


def ticked(page: Page, group: str) -> list[str]:
    found: list[str] = page.locator(f"[name='role-{group}']:checked").evaluate_all("all => all.map(each => each.value)")
    return found


def test_a_mouse_drawn_across_boxes_ticks_or_clears_them_all(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "roles")
    drag(page, box(page, "etcd", "node2"), box(page, "etcd", "node3"))
    page.mouse.up()
    saved(page, 2)
    assert stored(cluster).role_groups.etcd == ("node1", "node2", "node3")
    expect(page.locator("#sentence")).to_contain_text("3 etcd members")
    drag(page, box(page, "worker", "node3"), box(page, "worker", "node2"))
    page.mouse.up()
    saved(page, 3)
    assert stored(cluster).role_groups.worker == ()


def test_what_the_mouse_leaves_again_is_as_it_was_and_escape_takes_all_back(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "roles")
    first, second, third = (box(page, "master", name) for name in ("node1", "node2", "node3"))
    drag(page, third, second, first, second)
    assert ticked(page, "master") == ["node1", "node2", "node3"]
    page.mouse.move(*middle(third), steps=4)
    assert ticked(page, "master") == ["node1", "node3"]
    page.keyboard.press("Escape")
    page.mouse.up()
    assert ticked(page, "master") == ["node1"]
    drag(page, third, box(page, "worker", "node2"))
    assert ticked(page, "master") == ["node1", "node2", "node3"] and ticked(page, "worker") == ["node2", "node3"]
    page.mouse.up()
    saved(page, 2)


def test_a_click_is_still_a_click(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "roles")
    drag(page, box(page, "etcd", "node2"), box(page, "etcd", "node3"))
    page.mouse.up()
    saved(page, 2)
    box(page, "etcd", "node3").click()
    saved(page, 3)
    assert stored(cluster).role_groups.etcd == ("node1", "node2")


def test_a_machine_is_carried_by_its_name_onto_a_role(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "roles")
    name = page.locator("#matrix tbody th", has_text="node3").locator(".mono").first
    head = page.locator("#matrix thead th[data-role=master]")
    drag(page, name, head)
    expect(page.locator(".drag-chip")).to_have_text("node3")
    expect(head).to_have_class("is-target")
    page.mouse.up()
    expect(page.locator(".drag-chip")).to_have_count(0)
    saved(page, 2)
    assert stored(cluster).role_groups.master == ("node1", "node3")
    drag(page, name, page.locator("h1"))
    page.mouse.up()
    assert ticked(page, "master") == ["node1", "node3"]


def test_shift_ticks_on_the_way_with_keys_and_up_to_a_click(page: Page, cluster: Cluster) -> None:
    open_page(page, cluster, "roles")
    box(page, "etcd", "node1").focus()
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    comes_to_be_stored(page, cluster, lambda document: document.role_groups.etcd == ("node1", "node2", "node3"))
    box(page, "master", "node1").click()
    box(page, "master", "node3").click(modifiers=["Shift"])
    comes_to_be_stored(page, cluster, lambda document: document.role_groups.master == ("node1", "node2", "node3"))


def test_three_hundred_machines_are_painted_while_the_page_scrolls(page: Page, cluster: Cluster) -> None:
    rows = "".join(f"  - {{name: n{n}, address: 10.98.{n // 250}.{n % 250 + 1}, password: x}}\n" for n in range(1, 300))
    cluster.document = SEED.replace("  roleGroups:", f"{rows}  roleGroups:")
    cluster.save()
    open_page(page, cluster, "roles")
    drag(page, box(page, "worker", "n1"))
    size = page.viewport_size
    assert size is not None
    x, _y = middle(box(page, "worker", "n1"))
    page.mouse.move(x, size["height"] - 8, steps=6)
    expect(box(page, "worker", "n40")).to_be_checked()
    page.mouse.up()
    saved(page, 2)
    workers = stored(cluster).role_groups.worker
    assert len(workers) >= 42 and workers[2:42] == tuple(f"n{n}" for n in range(1, 41))
