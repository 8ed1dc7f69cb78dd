"""10, 13, 14: in a real browser: a run that ended meanwhile, a huge log, odd output."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from clusters.models import Run
from tests.bench.log_beside import fetched
from tests.browser import PATIENCE
from tests.processes import manage, wait_for
from tests.ratios import times_as_long
from tests.runs.scenes import cluster_of, worker
from tests.web.lines import add, fill, numbered
from tests.web.site import session_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from django.contrib.auth.models import User
    from playwright.sync_api import Page

    from tests.sshd import Sshd
    from tests.web.site import Site

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module", autouse=True)
def _database_beside_playwright() -> Iterator[None]:
    """Playwright's event loop runs in this thread; Django would mistake the tests for asynchronous code."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    yield
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


def last_line(run: Run) -> int:
    return Run.objects.get(pk=run.pk).last_line


@pytest.mark.timeout(360)
def test_10_a_browser_that_was_closed_finds_the_run_finished(
    page: Page, pages: Site, make_run: Callable[..., Run]
) -> None:
    """A tab that stayed open while the pages were down shows the same."""
    run = make_run()
    stayed = page.context.new_page()
    for tab in (page, stayed):
        tab.goto(f"/runs/{run.pk}/")
        expect(tab.locator("#live")).to_have_attribute("data-live", "live")
    page.close()
    pages.stop()
    # Only now: a run that started earlier might end before the browser opens it.
    with manage("work", SLIPWAY_RUN_ON_MACHINES="tests.runs.fakes.slow", SLIPWAY_LEASE_SECONDS="30"):
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, 120, "the end of the run")
    expect(stayed.locator("#live")).to_have_attribute("data-live", "again")
    pages.start()
    again = stayed.context.new_page()
    again.goto(f"/runs/{run.pk}/")
    for tab in (again, stayed):
        expect(tab.locator("#live")).to_have_attribute("data-live", "over", timeout=2 * PATIENCE)
        expect(tab.locator("#run-state")).to_have_attribute("data-state", "succeeded")
        expect(tab.locator(".ln").last).to_have_attribute("id", f"L{last_line(run)}")
        expect(tab.locator("[data-opens=cancel-run]")).to_have_count(0)


MILLION = 1_000_000
OPENS_TIMES, JUMPS_TIMES = 3.0, 5.0
"""How many times as long as with a log of a thousand lines."""


@pytest.mark.timeout(900)
def test_13_a_log_of_a_million_lines_opens_searches_and_jumps(
    page: Page, pages: Site, alice: User, make_run: Callable[..., Run]
) -> None:
    run, few = (make_run(state="succeeded", started_at=timezone.now(), finished_at=timezone.now()) for _ in range(2))
    add(few, numbered(1, 1_000))
    fill(run, MILLION, "2026-01-01T00:00:00Z I0101 pulling layer sha256:0123456789abcdef, %d of many", "a needle")

    def log(query: str, which: Run = run) -> Any:
        return page.request.get(f"/runs/{which.pk}/log/?{query}").json()["lines"]

    def opened(which: Run, line: int, mark: str = "") -> None:
        page.goto("/")
        page.goto(f"/runs/{which.pk}/{mark}", wait_until="commit")
        page.locator(f"#L{line}").wait_for()

    third = MILLION // 3
    assert times_as_long(lambda: opened(run, MILLION), lambda: opened(few, 1_000)) < OPENS_TIMES
    assert times_as_long(lambda: opened(run, third, f"#L{third}"), lambda: opened(few, 333, "#L333")) < OPENS_TIMES
    assert times_as_long(lambda: log(f"around={third}"), lambda: log("around=333", few)) < JUMPS_TIMES
    # A user without the search downloads the log as a file.
    session, whole = session_of(alice), f"/runs/{run.pk}/log.txt"
    assert times_as_long(lambda: log("search=no+such+thing"), lambda: fetched(pages, session, whole), rounds=3) < 0.5
    (found,) = log("search=A+NEEDLE")
    assert found[-1].startswith("a needle ")
    assert found[0] in [row[0] for row in log(f"around={found[0]}&limit=5")]
    page.goto(f"/runs/{run.pk}/?search=needle")
    expect(page.locator(".ln")).to_have_count(1)


ODD = b"".join(
    line + b"\n"
    for line in (
        b"a NUL: [\0] and what follows it",
        b"invalid UTF-8: [\xff\xfe\xc3\x28] and what follows it",
        b"<script>window.harmed = 1</script><img src=x onerror='window.harmed = 1'>",
        b"</div></body><h1>gone</h1>",
        b"\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J\x1b[1;1H plain",
        b"x" * 1_000_000,
        "‮desrever‬ \u200b\ufeff ü 漢字 😀".encode(),
        b"the end",
    )
)


@pytest.mark.sshd
def test_14_no_output_however_odd_harms_anything(page: Page, alice: User, sshd: Sshd, tmp_path: Path) -> None:
    cluster = cluster_of(alice, sshd, "node1")
    (tmp_path / "node1.output").write_bytes(ODD)
    run = Run.objects.create(cluster=cluster, document=cluster.document, asked_by=alice)
    with worker("talkative", tmp_path):
        wait_for(lambda: Run.objects.get(pk=run.pk).finished_at, 90, "the end of the run")
    assert Run.objects.get(pk=run.pk).state == "succeeded"
    text = page.request.get(f"/runs/{run.pk}/log.txt?times=no").text()
    assert sum(len(line) for line in text.splitlines() if line and not line.strip("x")) == 1_000_000
    assert "\0" not in text
    page.goto(f"/runs/{run.pk}/")
    for said in ("a NUL: [] and what follows it", "] and what follows it", "<script>window.harmed = 1</script>",
                 "</div></body><h1>gone</h1>", "漢字 😀", "the end"):  # fmt: skip
        expect(page.locator(".ln-text", has_text=said).first).to_be_attached()
    shown = page.locator(".ln-text").all_inner_texts()
    assert sum(len(line) for line in shown if line and not line.strip("x")) == 1_000_000
    assert not [line for line in shown if "\x1b" in line]
    assert page.evaluate("window.harmed") is None
    assert page.locator("h1").count() == 1
    assert page.title().startswith("✓ scene")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
