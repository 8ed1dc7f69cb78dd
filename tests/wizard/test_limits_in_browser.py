"""In a real browser: a key that changed between the page and the click, and the position in the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from clusters import services
from clusters.config.schema import Document, Host
from clusters.models import HostKey, Probe, Run
from tests.browser import browser
from tests.wizard.browsing import _database_beside_playwright, _wizard_alone, context, open_page, page

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from playwright.sync_api import Page

    from clusters.models import Cluster

__all__ = ["_database_beside_playwright", "_wizard_alone", "browser", "context", "page"]

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW = (f"SHA256:{letter * 43}" for letter in "AB")


def offer_key(cluster: Cluster, host: str, fingerprint: str) -> None:
    """Let the last test of a machine get this key."""
    services.probes_start(actor=cluster.owner, cluster=cluster, hosts=[host])
    stages = [{"name": "reach", "state": "ok"}, {"name": "hostkey", "state": "ask", "message": "A new key."}]
    offered = {"key_type": "ssh-ed25519", "key": fingerprint[-4:], "fingerprint": fingerprint}
    Probe.objects.filter(cluster=cluster, host=host).update(state="ask", offered=offered, stages=stages)


def test_a_key_that_changed_after_it_was_shown_is_named_and_not_accepted(page: Page, cluster: Cluster) -> None:
    offer_key(cluster, "node1", OLD)
    offer_key(cluster, "node2", OLD)
    open_page(page, cluster, "connection")
    offer_key(cluster, "node1", NEW)
    row = page.locator('[data-key="words-node1"]')
    row.get_by_role("button").focus()
    page.keyboard.press("Enter")
    note = page.locator("#key-refused [role=alert]")
    expect(note).to_contain_text(f"You accept {OLD} for node1 (10.99.0.1:22), but the key there is now {NEW}")
    expect(row).to_contain_text(NEW)
    assert not HostKey.objects.exists()
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    row.get_by_role("button").click()
    expect(note).to_have_count(0)
    assert HostKey.objects.get().fingerprint == NEW


def test_the_place_in_the_queue_is_shown_and_follows(
    page: Page, cluster: Cluster, bob: User, make_run: Callable[..., Run]
) -> None:
    host = Host(name="other", address="10.99.0.9")
    other = services.draft_create(actor=bob, name="other", document=Document(hosts=(host,)))
    services.probes_start(actor=bob, cluster=other)
    services.probes_start(actor=cluster.owner, cluster=cluster)
    open_page(page, cluster, "connection")
    queue = page.locator('[data-key="queue"]')
    expect(queue).to_contain_text("3 machines are waiting for their tests. At most number 2 in the queue.")
    Probe.objects.filter(cluster=other).delete()
    expect(queue).to_have_count(0)

    earlier = Run.objects.create(cluster=other, document="")
    run = make_run()
    page.goto(f"/runs/{run.pk}/")
    expect(page.locator('[data-key="queued"]')).to_contain_text("At most number 2 in the queue.")
    earlier.delete()
    expect(page.locator('[data-key="queued"]')).to_contain_text("Next in the queue.")
