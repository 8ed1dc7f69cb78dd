"""A mask with an unknown secret: the page keeps the input and marks the place, and stored data does not change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import browser
from tests.wizard.browsing import (
    _database_beside_playwright,
    _wizard_alone,
    comes_to_be_stored,
    context,
    open_page,
    page,
    stored,
)

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from clusters.models import Cluster

__all__ = ["_database_beside_playwright", "_wizard_alone", "browser", "context", "page"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_unknown_mask_is_refused_until_its_secret_is_typed(page: Page, cluster: Cluster) -> None:
    before = stored(cluster)
    open_page(page, cluster, "machines")
    page.locator("summary", has_text="config-sample.yaml").click()
    text = page.locator("#yaml").input_value()
    # The first machine's line once more: nobody knows whose secret the copy is to have.
    line = next(each for each in text.splitlines() if "node1" in each and "•" in each)
    copied = line.replace("node1", "node9").replace("10.99", "10.98")
    page.locator("#yaml").fill(text.replace(line, f"{line}\n{copied}"))
    missing = page.get_by_text("the secret is missing")
    expect(missing).to_be_visible()
    expect(page.get_by_text("Not saved: the forms are unchanged.")).to_be_visible()
    assert stored(cluster) == before
    typed = page.locator("#yaml").input_value()
    at = typed.index("node9")
    page.locator("#yaml").fill(typed[:at] + typed[at:].replace("••••••••", "Fresh-1", 1))
    comes_to_be_stored(page, cluster, lambda found: found.hosts[1].name == "node9")
    expect(missing).to_have_count(0)
    assert stored(cluster).hosts[0] == before.hosts[0] and stored(cluster).hosts[2:] == before.hosts[1:]
