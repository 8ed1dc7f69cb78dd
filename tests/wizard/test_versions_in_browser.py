"""The Kubernetes version in a real browser: its marks follow the choice, and a missing version is replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import browser
from tests.wizard.browsing import _database_beside_playwright, _wizard_alone, context, open_page, page, saved, stored

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from clusters.models import Cluster
    from tests.conftest import BundleOf

__all__ = ["_database_beside_playwright", "_wizard_alone", "browser", "context", "page"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_marks_follow_the_choice_and_a_missing_version_is_replaced(
    page: Page, cluster: Cluster, bundle_of: BundleOf
) -> None:
    bundle_of("v1.37.2", "v1.36.4", "v1.36.3")
    open_page(page, cluster, "kubernetes")
    marks, missing = page.locator("#version-marks"), page.locator("#version-missing")
    expect(marks).to_contain_text("Ended upstream.")
    expect(missing).to_contain_text("It has v1.37.2, v1.36.4, v1.36.3.")
    page.locator("#id_version").select_option("v1.36.4")
    saved(page, 2)
    expect(marks).to_contain_text("Not proven.")
    expect(marks).not_to_contain_text("Ended upstream.")
    expect(missing).to_be_empty()
    page.locator("#id_version").select_option("v1.20.2")
    saved(page, 3)
    page.locator("#id_name").fill("harbour")
    page.get_by_role("button", name="Use v1.37.2").click()
    expect(page.locator("#id_version")).to_have_value("v1.37.2")
    expect(marks).to_contain_text("Proven.")
    expect(missing).to_be_empty()
    assert stored(cluster).kubernetes.version == "v1.37.2"
