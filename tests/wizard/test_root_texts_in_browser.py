"""Texts that run as root, and reasons, on the Review page of a real browser."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from clusters import services
from clusters.models import Cluster
from tests.browser import browser
from tests.conftest import SEED
from tests.wizard.browsing import _database_beside_playwright, _wizard_alone, context, open_page, page

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from playwright.sync_api import Page

__all__ = ["_database_beside_playwright", "_wizard_alone", "browser", "context", "page"]

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = """\
  system:
    preInstall:
    - name: prepare
      role: worker
      bash: |
        set -e
        install -m 0644 proxy.conf /etc/apt/apt.conf.d/90proxy
        curl -fsSL https://get.internal.example/agent.sh | TOKEN=Hidden-in-script-6 bash
      materials: ['data:proxy.conf;base64,QWNxdWlyZTo6aHR0cDo6UHJveHkgImh0dHA6Ly9wcm94eTozMTI4IjsK']
  dns:
    nodeEtcHosts: 10.66.6.6 registry.internal.example
"""


def picture(page: Page, name: str) -> None:
    """Kept where somebody looks at them, when PICTURES names a folder."""
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def test_each_text_is_read_and_each_error_has_a_reason_before_the_button_works(page: Page, alice: User) -> None:
    text = SEED.replace("etcd: [node1]", "etcd: [node1, node2]") + ROOT
    cluster, _findings = services.draft_import(actor=alice, text=text)
    assert cluster is not None
    open_page(page, cluster, "review")
    expect(page.locator("#root-texts pre").first).to_contain_text("get.internal.example/agent.sh | TOKEN=Hidden")
    expect(page.locator("#install-cluster")).to_be_disabled()
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            picture(page, f"review-{theme}-{width}")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.locator("[data-weight='error'] input[name=reason]").fill("a lab needs no third member")
    page.keyboard.press("Enter")
    expect(page.locator("[data-weight='waived']")).to_contain_text("“a lab needs no third member”")
    buttons = page.locator("#root-texts form button")
    while left := buttons.count():
        buttons.first.focus()
        page.keyboard.press("Enter")
        expect(buttons).to_have_count(left - 1)
    picture(page, "review-read")
    assert len(Cluster.objects.get().acknowledged_texts) == 2
    expect(page.locator("#root-texts")).to_contain_text("Acknowledged by alice")
