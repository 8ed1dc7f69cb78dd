"""Marked lines of a log, in a real browser: the address links to them, and they can be copied."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.web.lines import add, numbered
from tests.web.runpage import at_end, at_rest, beside_playwright, page, pages, run, well_made

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from clusters.models import Run

__all__ = ["beside_playwright", "page", "pages", "run"]

pytestmark = pytest.mark.django_db(transaction=True)


def marked(page: Page) -> list[int]:
    """Numbers of the marked lines on the page."""
    found: list[int] = page.locator(".ln-marked").evaluate_all("lines => lines.map(line => Number(line.id.slice(1)))")
    return found


def copied(page: Page, kind: str = "plain") -> str:
    """The text that the menu copies for the marked lines."""
    page.locator(".log-tools summary", has_text="Copy").click()
    page.locator(f"[data-copy-marked={kind}]").click()
    expect(page.locator(".log-tools details[open]")).to_have_count(0)
    expect(page.locator("#announce")).to_have_text("Copied")
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def test_click_and_shift_click_mark_lines_and_set_the_address(page: Page, run: Run) -> None:
    add(run, numbered(1, 40))
    page.goto(f"/runs/{run.pk}/")
    expect(page.locator("#L40")).to_be_in_viewport()
    before = at_rest(page.locator("#L34"))
    page.locator("#L36 .ln-n").click()
    assert page.url.endswith("#L36")
    page.locator("#L33 .ln-n").click(modifiers=["Shift"])
    assert page.url.endswith("#L33-L36")
    assert marked(page) == [33, 34, 35, 36]
    page.locator("#L38 .ln-n").click(modifiers=["Shift"])
    assert marked(page) == [36, 37, 38]
    assert at_rest(page.locator("#L34")) == before, "what is in sight stays where it is"
    assert page.evaluate("getSelection().isCollapsed")
    expect(page.locator("#announce")).to_have_text("Lines 36 to 38")
    page.go_back()
    expect(page.locator(".ln-marked")).to_have_count(4)
    page.reload()
    expect(page.locator(".ln-marked")).to_have_count(4)
    assert copied(page) == "".join(f"this is line {number}\n" for number in range(33, 37))
    page.locator("#L35 .ln-n").click()
    assert copied(page, "full") == "2023-11-14T22:13:20.000Z node1 this is line 35\n"


def test_marked_lines_are_visible_and_copied_from_anywhere(page: Page, run: Run) -> None:
    add(run, numbered(1, 20_000))
    page.goto(f"/runs/{run.pk}/#L5000-L4000")
    expect(page.locator("#L4000.ln-marked")).to_be_in_viewport()
    expect(page.locator("#L3999")).not_to_have_class("ln-marked")
    assert len(copied(page).splitlines()) == 1_001
    page.evaluate("location.hash = '#L7000-L17000'")
    expect(page.locator("#L7000.ln-marked")).to_be_in_viewport()
    assert copied(page).splitlines() == numbered(7_000, 17_000)
    # Lines that are loaded later are marked, too.
    scroll = page.locator("#log-scroll")
    for _ in range(3):
        last = page.locator(".ln").count()
        scroll.evaluate("box => { box.scrollTop = box.scrollHeight; }")
        expect(page.locator(".ln")).not_to_have_count(last)
    numbers = page.locator(".ln").evaluate_all("lines => lines.map(line => Number(line.id.slice(1)))")
    assert marked(page) == [number for number in numbers if number >= 7_000]


def test_filtered_lines_are_marked_among_their_neighbors(page: Page, run: Run) -> None:
    add(run, [*numbered(1, 99), "a needle", *numbered(101, 200), "a needle"])
    page.goto(f"/runs/{run.pk}/?search=needle")
    expect(page.locator(".ln")).to_have_count(2)
    page.locator("#L100 .ln-n").click()
    expect(page.locator("#L100.ln-marked")).to_be_in_viewport()
    assert page.url.endswith(f"/runs/{run.pk}/#L100")
    page.locator("#L102 .ln-n").click(modifiers=["Shift"])
    assert copied(page) == "a needle\nthis is line 101\nthis is line 102\n"
    page.go_back()
    page.go_back()
    expect(page.locator(".ln")).to_have_count(2)
    assert marked(page) == []


def test_lines_are_marked_by_keys(page: Page, run: Run) -> None:
    add(run, numbered(1, 400))
    page.goto(f"/runs/{run.pk}/")
    expect(page.locator("#L400")).to_be_in_viewport()
    page.locator("#L398 .ln-n").focus()
    page.keyboard.press("Enter")
    assert marked(page) == [398]
    for _ in range(2):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+Enter")
    assert marked(page) == [396, 397, 398]
    for _ in range(2):
        page.keyboard.press("Shift+ArrowDown")
    assert marked(page) == [398]
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("#L399 .ln-n")).to_be_focused()
    assert marked(page) == [398, 399]
    expect(page).to_have_url(re.compile("#L398-L399$"))
    page.keyboard.press("Escape")
    assert marked(page) == []
    expect(page).to_have_url(re.compile("/$"))
    page.locator("#L201 .ln-n").focus()
    page.keyboard.press("Shift+ArrowUp")  # over the edge of a block
    assert marked(page) == [200, 201]
    expect(page.locator("#L200 .ln-n")).to_be_focused()
    assert "Escape clears the mark" in (page.locator("#log-keys").text_content() or "")


def test_marked_lines_stay_where_they_are_while_the_run_goes_on(page: Page, run: Run) -> None:
    add(run, numbered(1, 300))
    page.goto(f"/runs/{run.pk}/#L290-L295")
    expect(page.locator("#live")).to_have_attribute("data-live", "live")
    place = at_rest(page.locator("#L290"))
    add(run, numbered(301, 400))
    expect(page.locator("#log-pill")).to_have_text("100 new lines")
    assert at_rest(page.locator("#L290")) == place
    assert not at_end(page)
    well_made(page)
    page.locator("#log-pill").click()
    expect(page.locator("#L400")).to_be_in_viewport()
    assert marked(page) == list(range(290, 296))


def test_an_address_with_a_line_that_is_not_there_opens_the_end(page: Page, run: Run) -> None:
    add(run, numbered(1, 30))
    for hash_ in ("#L31-L99999999999", "#Lx", "#L1-", "#log"):
        page.goto("about:blank")
        page.goto(f"/runs/{run.pk}/{hash_}")
        expect(page.locator("#L30")).to_be_in_viewport()
        assert marked(page) == []


def test_marked_lines_that_match_a_new_filter_stay_marked(page: Page, run: Run) -> None:
    add(run, [*numbered(1, 99), "a needle", "a needle", *numbered(102, 3000)])
    page.goto(f"/runs/{run.pk}/#L100-L101")
    expect(page.locator("#L100")).to_be_in_viewport()
    page.locator("#log-search").fill("needle")
    expect(page.locator(".ln")).to_have_count(2)
    assert marked(page) == [100, 101]
    page.wait_for_url(f"**/runs/{run.pk}/?search=needle#L100-L101")
    page.reload()
    expect(page.locator(".ln")).to_have_count(2)
    assert marked(page) == [100, 101]
    page.locator("#log-search").fill("line 29")
    expect(page.locator("#L2999")).to_be_in_viewport()
    assert marked(page) == []
    page.wait_for_url(re.compile(rf"/runs/{run.pk}/\?search=line(\+|%20)29$"))


def test_a_link_to_a_distant_line_keeps_a_filter_that_matches_it(page: Page, run: Run) -> None:
    add(run, numbered(1, 3000))
    page.goto(f"/runs/{run.pk}/?search=line#L7")
    expect(page.locator("#L7.ln-marked")).to_be_in_viewport()
    assert page.url.endswith("?search=line#L7")
    page.goto(f"/runs/{run.pk}/?search=line+29#L7")
    expect(page.locator("#L7.ln-marked")).to_be_in_viewport()
    page.wait_for_url(f"**/runs/{run.pk}/#L7")
