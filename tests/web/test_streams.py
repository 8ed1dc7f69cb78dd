"""Output and error output of a run's log, separately: of current runs, and of older ones with longer names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from clusters.models import Event
from tests.web.runpage import beside_playwright, page, pages, run

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from clusters.models import Run

__all__ = ["beside_playwright", "page", "pages", "run"]
pytestmark = pytest.mark.django_db(transaction=True)
LINES = [[0.1, "stdout", "old output"], [0.2, "stderr", "old error"], [0.3, "out", "output"], [0.4, "err", "error"]]


@pytest.mark.parametrize(("stream", "lines"), [("out", ["old output", "output"]), ("err", ["old error", "error"])])
def test_output_and_error_output_are_filtered_separately(page: Page, run: Run, stream: str, lines: list[str]) -> None:
    Event.objects.create(run=run, seq=1, at=timezone.now(), kind="output", host="node1", step="os/a", first_line=1,
                         line_count=4, data={"lines": LINES})  # fmt: skip
    run.last_line = 4
    run.save()
    page.goto(f"/runs/{run.pk}/?stream={stream}")
    expect(page.locator("#log-scroll .ln-text")).to_have_text(lines)
    red = page.locator("#log-scroll .ln-err")
    expect(red).to_have_count(2 if stream == "err" else 0)
