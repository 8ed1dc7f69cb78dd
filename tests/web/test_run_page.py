"""The page of a run in a real browser: opening at the end, following, searching, links, and hostile output."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import expect

from clusters.models import Cluster, Event, Extension, Run, StepRun
from tests.browser import PATIENCE
from tests.processes import manage, wait_for
from tests.ratios import times_as_long
from tests.web.lines import add, numbered
from tests.web.runpage import at_end, beside_playwright, comes_to_its_end, page, pages, run, well_made

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from playwright.sync_api import Page

__all__ = ["beside_playwright", "page", "pages", "run"]

pytestmark = pytest.mark.django_db(transaction=True)


def tell_of_part(run: Run, *, over: bool) -> None:
    """As the sink writes it."""
    run.refresh_from_db()
    now = timezone.now()
    said = {"what": "joining etcd", "over": over}
    Event.objects.create(run=run, seq=run.last_seq + 1, at=now, kind="uncut", host="node1", step="os/a", data=said)
    row = StepRun.objects.filter(run=run, step="os/a", host="node1")
    row.update(uncut="" if over else "joining etcd", uncut_since=None if over else now)
    Run.objects.filter(pk=run.pk).update(last_seq=run.last_seq + 1)


@pytest.mark.timeout(360)
def test_a_long_log_opens_at_its_end_as_soon_as_a_short_one(page: Page, run: Run, make_run: Callable[..., Run]) -> None:
    short = make_run(state="succeeded", started_at=timezone.now(), finished_at=timezone.now())
    add(short, numbered(1, 1_000))
    add(run, numbered(1, 100_000))

    def opens(which: Run, last: int) -> None:
        page.goto(f"/runs/{which.pk}/", wait_until="commit")
        page.locator(f"#L{last}").wait_for()
        comes_to_its_end(page)

    ratio = times_as_long(lambda: opens(run, 100_000), lambda: opens(short, 1_000))
    expect(page.locator("#L1000")).to_be_in_viewport()
    assert ratio < 3


def test_following_pauses_on_scrolling_up_and_resumes_at_the_pill(page: Page, run: Run) -> None:
    add(run, numbered(1, 300))
    page.goto(f"/runs/{run.pk}/")
    expect(page.locator("#live")).to_have_attribute("data-live", "live")
    add(run, numbered(301, 310))
    expect(page.locator("#L310")).to_be_in_viewport()
    page.locator("#log-scroll").hover()
    page.mouse.wheel(0, -900)
    expect(page.locator("#log-follow")).to_have_attribute("aria-pressed", "false")
    add(run, numbered(311, 317))
    expect(page.locator("#log-pill")).to_have_text("7 new lines")
    assert not at_end(page)
    page.locator("#log-pill").click()
    expect(page.locator("#L317")).to_be_in_viewport()
    expect(page.locator("#log-pill")).to_be_hidden()
    add(run, numbered(318, 318))
    expect(page.locator("#L318")).to_be_in_viewport()


@pytest.mark.timeout(360)
def test_a_flood_does_not_stop_following_but_dragging_the_scrollbar_does(
    page: Page, make_run: Callable[..., Run]
) -> None:
    flooded = make_run()
    page.goto(f"/runs/{flooded.pk}/")
    expect(page.locator("#live")).to_have_attribute("data-live", "live")
    fake = {"SLIPWAY_RUN_ON_MACHINES": "tests.bench.fakes.crowd", "BENCH_LINES": "2500", "SLIPWAY_LEASE_SECONDS": "30"}
    with manage("work", **fake):
        wait_for(lambda: Run.objects.get(pk=flooded.pk).finished_at, 120, "the end of the run")
    expect(page.locator("#live")).to_have_attribute("data-live", "over", timeout=4 * PATIENCE)
    last = Run.objects.get(pk=flooded.pk).last_line
    assert last >= 50_000, "more than the page keeps while it follows, and more than it ever has"
    expect(page.locator(f"#L{last}")).to_be_attached(timeout=2 * PATIENCE)
    expect(page.locator("#log-follow")).to_have_attribute("aria-pressed", "true")
    comes_to_its_end(page)
    bar = (
        "box => box.dispatchEvent(new PointerEvent('pointerdown', { clientX: box.getBoundingClientRect().right + 9 }))"
    )
    page.locator("#log-scroll").evaluate(bar)
    expect(page.locator("#log-follow")).to_have_attribute("aria-pressed", "false")


def scrolls_until(page: Page, scroll: str, there: str) -> None:
    """Scroll `box` repeatedly until something is there: loading makes the log longer."""

    def scrolled() -> bool:
        page.locator("#log-scroll").evaluate(f"box => {{ {scroll}; }}")
        page.wait_for_timeout(100)
        return page.locator(there).count() > 0

    wait_for(scrolled, PATIENCE / 1000, f"that {there} is loaded")


def test_scrolling_far_up_and_down_shows_every_line_once(page: Page, run: Run) -> None:
    add(run, numbered(1, 3_500))
    page.goto(f"/runs/{run.pk}/#L1200")
    expect(page.locator("#L1200")).to_be_in_viewport()
    expect(page.locator("#log-pill")).to_have_text("Jump to the newest line")
    add(run, numbered(3_501, 3_600))
    scrolls_until(page, "box.scrollTop = box.scrollHeight", "#L3600")
    scrolls_until(page, "box.scrollTop = 0; box.dispatchEvent(new WheelEvent('wheel', {deltaY: -9}))", "#L1")
    numbers = page.locator(".ln").evaluate_all("lines => lines.map(line => Number(line.id.slice(1)))")
    assert numbers == list(range(1, 3_601))


def test_filters_and_search_are_in_the_address_while_the_run_goes_on(page: Page, run: Run) -> None:
    add(run, numbered(1, 5_000))
    add(run, ["a needle in node2", "plain"], host="node2")
    add(run, ["a NEEDLE of trouble"], host="node2", stream="err")
    page.goto(f"/runs/{run.pk}/")
    page.locator("#log-search").fill("needle")
    expect(page.locator(".ln")).to_have_count(2)
    expect(page.locator("#log-count")).to_have_text("2 lines match")
    expect(page.locator(".ln-text mark")).to_have_count(2)
    page.locator("#log-stream").select_option("err")
    expect(page.locator(".ln")).to_have_count(1)
    assert re.search(r"search=needle.*stream=err|stream=err.*search=needle", page.url)
    page.go_back()
    expect(page.locator(".ln")).to_have_count(2)
    page.reload()
    expect(page.locator("#log-search")).to_have_value("needle")
    expect(page.locator(".ln")).to_have_count(2)
    add(run, ["another needle", "hay"], host="node1")
    expect(page.locator(".ln")).to_have_count(3)
    page.locator(".ln-n").first.click()
    expect(page.locator("#L5001.ln-marked")).to_be_in_viewport()
    expect(page.locator("#L4990")).to_be_attached()
    assert page.url.endswith(f"/runs/{run.pk}/#L5001")


def test_a_regular_expression_is_searched_on_the_server_while_the_run_goes_on(page: Page, run: Run) -> None:
    add(run, numbered(1, 3_000))
    add(run, ["exit 12 and exit 99", "exit one"])
    page.goto(f"/runs/{run.pk}/")
    expect(page.locator("#live")).to_have_attribute("data-live", "live")
    page.locator("#log-search").fill(r"exit \d+")
    expect(page.locator("#log-none")).to_have_text("No line matches these filters.")
    page.get_by_role("button", name="Search with a regular expression").click()
    expect(page.locator(".ln")).to_have_count(1)
    expect(page.locator(".ln-text mark")).to_have_text(["exit 12", "exit 99"])
    assert "regex=yes" in page.url
    page.reload()
    expect(page.locator(".ln")).to_have_count(1)
    expect(page.locator("#live")).to_have_attribute("data-live", "live")
    add(run, ["hay", "EXIT 7", "exit"])
    expect(page.locator(".ln-text")).to_have_text(["exit 12 and exit 99", "EXIT 7"])
    expect(page.locator("#L3004")).to_be_in_viewport()
    page.locator("#log-search").fill("exit (")
    expect(page.locator("#log-none")).to_contain_text("Invalid regular expression")
    expect(page.locator("#log-search")).to_have_attribute("aria-invalid", "true")
    add(run, ["exit (really)"])
    page.get_by_role("button", name="Search with a regular expression").click()
    expect(page.locator(".ln-text")).to_have_text("exit (really)")
    expect(page.locator("#log-search")).to_have_attribute("aria-invalid", "false")


def test_a_cell_of_the_grid_filters_the_log(page: Page, run: Run) -> None:
    add(run, ["from node1"])
    add(run, ["from node2"], host="node2")
    page.goto(f"/runs/{run.pk}/")
    expect(page.locator(".ln")).to_have_count(2)
    page.locator("tr[data-key='os/a'] .cell[data-filter-host=node2]").click()
    expect(page.locator(".ln")).to_have_count(1)
    assert "host=node2" in page.url
    page.locator("tbody[data-phase=os] .phase-fold").click()
    expect(page.locator("tr[data-key='os/a']")).to_be_hidden()
    page.reload()
    expect(page.locator("tr[data-key='os/a']")).to_be_hidden()


HOSTILE = [
    "<script>window.harmed = 1</script><img src=x onerror='window.harmed = 1'>",
    "</div></body><h1>gone</h1>",
    "\x1b[31mred\x1b[0m \x1b[38;5;208morange\x1b[0m \x1b]0;title\x07 \x1b[2J\x1b[1;1H plain",
    "\x1b[999999999999m unfinished \x1b[",
    "‮desrever‬ \u200b\ufeff ü 漢字 😀",
    "\ufffd\ufffd not UTF-8",
    "x" * 8_000,
]


def test_hostile_output_harms_nothing(page: Page, run: Run) -> None:
    add(run, [*HOSTILE, *["y" * 8_000] * 125])
    page.goto(f"/runs/{run.pk}/#L1")
    expect(page.locator("#L1 .ln-text")).to_have_text(HOSTILE[0])
    expect(page.locator("#L2 .ln-text")).to_have_text(HOSTILE[1])
    expect(page.locator("#L3 .sgr-fg1")).to_have_text("red")
    assert "\x1b" not in (page.locator("#L3").text_content() or "")
    assert page.evaluate("window.harmed") is None
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_lines_are_copied_with_and_without_times(page: Page, run: Run) -> None:
    add(run, ["\x1b[32mgreen\x1b[0m one", "two"])
    page.goto(f"/runs/{run.pk}/")
    expect(page.locator(".ln")).to_have_count(2)
    for kind, text in (("plain", "green one\ntwo\n"), ("full", "2023-11-14T22:13:20.000Z node1 green one\n")):
        page.locator(".log-tools summary", has_text="Copy").click()
        page.locator(f"[data-copy={kind}]").click()
        expect(page.locator("#announce")).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()").startswith(text)


def test_title_and_icon_of_the_tab_show_the_state(page: Page, run: Run) -> None:
    page.goto(f"/runs/{run.pk}/timeline/")
    expect(page).to_have_title(re.compile(r"^\d+ % · sample · Running"))
    icon = page.locator("link[rel=icon]")
    expect(icon).to_have_attribute("href", re.compile("run-running.svg$"))
    Run.objects.filter(pk=run.pk).update(state="failed", finished_at=timezone.now(), message="No.")
    expect(icon).to_have_attribute("href", re.compile("run-failed.svg$"))
    expect(page).to_have_title(re.compile(r"^✗ sample · Failed"))


def test_the_bar_of_a_run_that_succeeded_is_full(page: Page, run: Run) -> None:
    page.goto(f"/runs/{run.pk}/")
    Run.objects.filter(pk=run.pk).update(state="succeeded", finished_at=timezone.now())
    expect(page.locator("#run-state")).to_have_attribute("data-state", "succeeded")
    bar = page.locator("#run-progress")
    expect(bar).to_have_attribute("value", "100")
    assert bar.evaluate("bar => getComputedStyle(bar, '::-webkit-progress-value').transitionDuration") == "0s"


def test_the_cancel_dialog_lists_what_is_running(page: Page, run: Run) -> None:
    for tab in ("", "timeline/"):
        page.goto(f"/runs/{run.pk}/{tab}")
        page.get_by_role("button", name="Cancel", exact=True).click()
        expect(page.locator("#cancel-run")).to_contain_text("Running: Do os/a")
        expect(page.locator("#cancel-run")).to_contain_text("SIGTERM, and SIGKILL after 30 s")
        page.get_by_role("button", name="Keep it running").click()
    page.goto(f"/runs/{run.pk}/")
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Cancel run").click()
    expect(page.locator(".cancel-card")).to_contain_text("alice requested cancellation")
    expect(page.locator(".cancel-card li")).to_have_count(3)
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][-200:]) for one in found] == []


@pytest.mark.parametrize("width", [1280, 390])
def test_an_uninterruptible_part_is_on_the_cancel_card_until_it_ends(
    page: Page, run: Run, alice: User, width: int
) -> None:
    # Without the page's periodic refresh, only the event can announce the end.
    page.add_init_script(
        "const real = setInterval; window.setInterval = (deed, pause, ...more) =>"
        " (pause >= 5000 ? 0 : real(deed, pause, ...more));"
    )
    page.set_viewport_size({"width": width, "height": 900})
    Run.objects.filter(pk=run.pk).update(state="cancelling", cancel_asked_by=alice, cancel_asked_at=timezone.now())
    tell_of_part(run, over=False)
    page.goto(f"/runs/{run.pk}/")
    part = page.locator(".cancel-list li").first
    for _ in range(2):
        expect(part).to_contain_text("Joining etcd on node1 can't be interrupted safely, so it finishes first")
        expect(part).to_contain_text("A part of “Do os/a”. Running since")
        expect(part).to_contain_text(re.compile(r"since \d\d:\d\d:\d\d,\s+(\d+ m )?\d+ s\."))
        page.reload()
    well_made(page)
    expect(page.locator("#live")).to_have_attribute("data-live", "live")
    tell_of_part(run, over=True)
    expect(page.locator(".cancel-card")).not_to_contain_text("etcd")
    expect(page.locator(".cancel-card")).to_contain_text("Do os/a on node1 got SIGTERM")


def test_failed_steps_are_visible_in_the_grid(page: Page, run: Run) -> None:
    rows = [
        StepRun(run=run, step=f"os/{n}", title=f"Step {n}", phase="os", position=n, host=host, state="changed")
        for n in range(40)
        for host in ("node1", "node2")
    ]
    rows[61].state = "failed"
    StepRun.objects.bulk_create(rows)
    StepRun.objects.filter(phase="etcd").delete()
    Run.objects.filter(pk=run.pk).update(state="failed", finished_at=timezone.now(), message="No.")
    page.goto(f"/runs/{run.pk}/")
    expect(page.locator(".cell.is-failed")).to_have_count(1)
    expect(page.locator(".cell.is-failed")).to_be_in_viewport()


def test_the_summary_prints_dark_on_white_and_its_timeline_fits_the_paper(page: Page, run: Run) -> None:
    StepRun.objects.update(state="changed", seconds=4)
    Run.objects.filter(pk=run.pk).update(state="succeeded", finished_at=timezone.now())
    page.emulate_media(color_scheme="dark", media="print")
    page.set_viewport_size({"width": 720, "height": 1000})
    page.goto(f"/runs/{run.pk}/summary/")
    expect(page.locator(".timeline")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    width = "one => one.getBoundingClientRect().width"
    assert page.locator(".timeline").evaluate(width) <= page.locator(".time-scroll").evaluate(width)
    assert page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("html").evaluate("html => getComputedStyle(html).colorScheme") == "light"
    assert page.locator("[data-print]").is_hidden()


@pytest.mark.parametrize("width", [1280, 390])
def test_a_late_step_is_amber_and_can_get_more_time(page: Page, run: Run, width: int) -> None:
    long_ago = timezone.now() - timedelta(seconds=100)
    StepRun.objects.filter(step="os/a", host="node1").update(started_at=long_ago, expected=5, timeout=1500)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"/runs/{run.pk}/timeline/")
    page.get_by_role("link", name="What to do").click()
    expect(page.locator(".cell.is-late")).to_have_count(1)
    well_made(page)
    page.get_by_role("button", name="Wait 25 minutes longer for Do os/a, node1").press("Enter")
    expect(page.locator(".late-list")).to_contain_text("It was given more time once, by alice.")
    assert Extension.objects.get().seconds == 1500


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_view_is_accessible_and_fits(page: Page, run: Run, cluster: Cluster, theme: Any, width: int) -> None:
    failure = {
        "host": "node1",
        "step": "precheck/time.skew",
        "expected": "right",
        "found": "x509 wrong",
        "lines": ["a"],
    }
    StepRun.objects.filter(step="os/a").update(state="failed", seconds=3)
    Run.objects.filter(pk=run.pk).update(state="failed", failures=[failure], finished_at=timezone.now())
    Event.objects.create(run=run, seq=1, at=timezone.now(), kind="observed", host="node1",
                         data={"topic": "facts", "values": {"os_name": "Debian", "memory_mb": 2048}})  # fmt: skip
    Event.objects.create(run=run, seq=2, at=timezone.now(), kind="finding", host="node1",
                         data={"check": "hw.cpu", "severity": "warning", "message": "one CPU"})  # fmt: skip
    Run.objects.filter(pk=run.pk).update(last_seq=2)
    add(run, ["\x1b[32mgreen\x1b[0m", "plain"])
    add(run, ["bad"], stream="err")
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme)
    for tab in ("", "timeline/", "plan/", "facts/", "summary/"):
        page.goto(f"/runs/{run.pk}/{tab}")
        if not tab:
            expect(page.locator(".ln")).to_have_count(3)
        found = Axe().run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"][-200:]) for one in found] == [], tab
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), tab
