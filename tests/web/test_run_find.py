"""From hit to hit in the log of a run, in a real browser: among all or only matching lines, loaded or not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.web.lines import add, numbered
from tests.web.runpage import at_rest, beside_playwright, page, pages, run, well_made

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from clusters.models import Run

__all__ = ["beside_playwright", "page", "pages", "run"]

pytestmark = pytest.mark.django_db(transaction=True)

NEEDLES = (1_001, 5_002, 5_003, 9_004)


def haystack(run: Run) -> None:
    """Ten thousand lines, and four needles far from each other."""
    add(run, [*numbered(1, 1_000), "Needle 1", *numbered(1_002, 5_001), "a needle 2", "needle 3"])
    add(run, [*numbered(5_004, 9_003), "needle 4", *numbered(9_005, 10_000)])


def here(page: Page) -> Any:
    """The current hit."""
    return page.locator(".ln[aria-current]")


def stands_on(page: Page, number: int, place: str) -> None:
    """Expect this hit and its position to be visible."""
    expect(here(page)).to_have_attribute("id", f"L{number}")
    expect(here(page)).to_be_in_viewport()
    expect(page.locator("#log-place")).to_have_text(place)


def below_the_edge(page: Page, number: int) -> float:
    """The position of a line in the log's window; a bar above it may appear and disappear."""
    return at_rest(page.locator(f"#L{number}"))["y"] - at_rest(page.locator("#log-scroll"))["y"]


def test_enter_goes_from_hit_to_hit_among_all_lines(page: Page, run: Run) -> None:
    haystack(run)
    page.goto(f"/runs/{run.pk}/?search=needle&all=yes")
    expect(page.locator("#L10000")).to_be_in_viewport()
    expect(page.locator("#log-place")).to_have_text("4 hits")
    search = page.locator("#log-search")
    for number, place in zip([*NEEDLES, NEEDLES[0]], ("1 of 4", "2 of 4", "3 of 4", "4 of 4", "1 of 4"), strict=True):
        search.press("Enter")
        stands_on(page, number, place)
        # With its context.
        expect(page.locator(f"#L{number - 1}")).to_be_in_viewport()
        expect(page.locator(f"#L{number + 1}")).to_be_in_viewport()
    expect(page.locator("#announce")).to_have_text("1 of 4. Needle 1")
    for number, place in ((NEEDLES[3], "4 of 4"), (NEEDLES[2], "3 of 4")):
        search.press("Shift+Enter")
        stands_on(page, number, place)
    assert search.evaluate("field => field === document.activeElement")
    page.get_by_role("button", name="Previous hit").click()
    stands_on(page, NEEDLES[1], "2 of 4")
    page.get_by_role("button", name="Next hit").press("Enter")
    stands_on(page, NEEDLES[2], "3 of 4")


def test_the_first_hit_is_the_nearest(page: Page, run: Run) -> None:
    haystack(run)
    page.goto(f"/runs/{run.pk}/?search=needle&all=yes#L5000")
    expect(page.locator("#L5002")).to_be_in_viewport()
    expect(page.locator("#log-place")).to_have_text("4 hits")
    page.locator("#log-search").press("Enter")
    stands_on(page, 5_002, "2 of 4")
    page.reload()
    expect(page.locator("#log-place")).to_have_text("4 hits")
    page.locator("#log-search").press("Shift+Enter")
    stands_on(page, 5_003, "3 of 4")


def test_a_search_before_the_log_has_loaded_finds_the_nearest_hit(page: Page, run: Run) -> None:
    haystack(run)
    page.add_init_script(
        "const real = fetch; const gate = new Promise((on) => { window.openTheLog = on; });"
        " window.fetch = async (place, ...more) => {"
        " if (String(place).includes('around=')) await gate;"
        " return real(place, ...more); }"
    )
    page.goto(f"/runs/{run.pk}/?search=needle&all=yes#L5000")
    expect(page.locator("#log-place")).to_have_text("4 hits")
    assert page.locator(".ln").count() == 0, "the log is not open yet"
    page.locator("#log-search").press("Shift+Enter")
    page.evaluate("openTheLog()")
    stands_on(page, 5_003, "3 of 4")


def test_hits_are_stepped_through_filtered_and_among_all_lines(page: Page, run: Run) -> None:
    haystack(run)
    page.goto(f"/runs/{run.pk}/")
    expect(page.locator("#log-find")).to_be_hidden()
    search = page.locator("#log-search")
    search.fill("needle")
    search.press("Enter")  # at once, without waiting for the typed text
    stands_on(page, NEEDLES[0], "1 of 4")
    search.press("Enter")
    stands_on(page, NEEDLES[1], "2 of 4")
    expect(page.locator(".ln")).to_have_count(4)
    only = page.get_by_role("button", name="Only matching lines")
    expect(only).to_have_attribute("aria-pressed", "true")
    only.click()
    expect(page.locator("#L5001")).to_be_in_viewport()
    stands_on(page, NEEDLES[1], "2 of 4")
    assert re.search(r"\?search=needle&all=yes$", page.url)
    page.reload()
    expect(only).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#log-place")).to_have_text("4 hits")
    page.go_back()
    expect(page.locator(".ln")).to_have_count(4)


def test_the_view_stays_in_place_during_a_search_among_all_lines(page: Page, run: Run) -> None:
    haystack(run)
    page.goto(f"/runs/{run.pk}/?all=yes#L5001")
    expect(page.locator("#L5002")).to_be_in_viewport()
    before = below_the_edge(page, 5002)
    page.locator("#log-search").fill("needle")
    expect(page.locator("#L5002 mark")).to_have_text("needle")
    assert abs(below_the_edge(page, 5002) - before) < 3


def test_a_regular_expression_is_stepped_through_and_marked_while_the_run_goes_on(page: Page, run: Run) -> None:
    add(run, [*numbered(1, 3_000), "exit 12", *numbered(3_002, 6_000), "exit 13"])
    page.goto(f"/runs/{run.pk}/?all=yes&regex=yes")
    expect(page.locator("#live")).to_have_attribute("data-live", "live")
    search = page.locator("#log-search")
    search.fill(r"exit \d+")
    expect(page.locator("#log-place")).to_have_text("2 hits")
    expect(page.locator("#L6001 mark")).to_have_text("exit 13")
    add(run, ["hay", "EXIT 7"])
    expect(page.locator("#L6003 mark")).to_have_text("EXIT 7")
    expect(page.locator("#log-place")).to_have_text("3 hits")
    search.press("Shift+Enter")
    stands_on(page, 6_003, "3 of 3")
    search.press("Enter")
    stands_on(page, 3_001, "1 of 3")
    expect(page.locator("#L3001 mark")).to_have_text("exit 12")
    add(run, ["exit 8", "nothing"])
    expect(page.locator("#log-place")).to_have_text("1 of 4")
    search.press("Shift+Enter")
    stands_on(page, 6_004, "4 of 4")
    search.fill("exit (")
    expect(page.locator("#log-none")).to_contain_text("Invalid regular expression")
    search.press("Enter")
    expect(page.locator("#log-place")).to_contain_text("Invalid regular expression")
    search.fill("exit 999")
    expect(page.locator("#log-place")).to_have_text("No hit")
    page.goto(f"/runs/{run.pk}/?search=exit+(&regex=yes&all=yes#L5")
    expect(page.locator("#log-none")).to_contain_text("Invalid regular expression")
    expect(page.locator("#live")).to_have_attribute("data-live", "live")


def test_frequent_hits_are_not_counted_to_the_end(page: Page, run: Run) -> None:
    add(run, numbered(1, 300))
    found = page.request.get(f"/runs/{run.pk}/log/hits/?search=line&line=7").json()
    assert found == {"count": 300, "all": True, "place": 7, "last_line": 300}
    page.route("**/log/hits/*", lambda route: route.fulfill(json={**found, "count": 250, "all": False, "place": None}))
    page.goto(f"/runs/{run.pk}/?search=line&all=yes")
    expect(page.locator("#log-place")).to_have_text("250+ hits")
    page.locator("#log-search").press("Enter")
    expect(here(page)).to_be_in_viewport()
    expect(page.locator("#log-place")).to_have_text("250+ hits")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_search_is_accessible_and_fits(page: Page, run: Run, theme: Any, width: int) -> None:
    haystack(run)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme)
    page.goto(f"/runs/{run.pk}/?search=needle&all=yes#L5002-L5004")
    expect(page.locator("#L5002")).to_be_in_viewport()
    page.locator("#log-search").press("Enter")
    stands_on(page, NEEDLES[1], "2 of 4")
    well_made(page)


def test_a_request_that_the_server_refuses_is_not_repeated_forever(page: Page, run: Run) -> None:
    add(run, [*numbered(1, 20), "Needle 1"])
    page.goto(f"/runs/{run.pk}/?search=need.e&regex=yes")
    expect(page.locator("#log-scroll .ln-text")).to_have_text(["Needle 1"])
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=403, body="no")

    page.route(lambda url: "/log/" in url and "after=" in url, refuse)
    add(run, ["Needle 2"])
    page.wait_for_timeout(3_000)
    assert len(asked) == 1
    page.unroute_all()
    page.locator("#log-search").fill("need.e 2")
    page.locator("#log-search").press("Enter")
    expect(page.locator("#log-scroll .ln-text")).to_have_text(["Needle 2"])
