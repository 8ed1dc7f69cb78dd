"""Searching with regular expressions: matches, invalid expressions, and time limits."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clusters.selectors import BadPattern, needle
from clusters.selectors.log_search import LONGEST_PATTERN, PATTERN_SECONDS

LINES = ("exit 1", "EXIT 23", "error: disk", "a  b", "", "tail ", "x" * 300)
PATTERNS = (
    r"exit \d+", r"^e", r"k$", r"^$", r"a\s+b", r"\s$", r"(?i)ERROR", r"b(?!\s)", r"[^a-z]", r"a|tail", r"\Aexit",
    r"x{300}", r"\bdisk\b", r"l\s*$", r"\W", r"nothing like it",
)  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_searching_many_lines_or_one_matches_the_same_lines(pattern: str) -> None:
    sought = needle(pattern, pattern=True)
    fitting = [line for line in LINES if re.search(pattern, line, re.IGNORECASE)]
    assert [line for line in LINES if sought.fits(line)] == fitting
    for first in range(len(LINES)):
        some = LINES[first : first + 3]
        assert sought.perhaps(some) or not set(some) & set(fitting)


ONES = ("a", "b", " ", "ab c", "needle", ".", r"\d", r"\s", r"\S", r"\W", r"\b", r"\.", "[ab]", "[^a]", r"[^\d]")
PIECES = st.sampled_from([*ONES, "^", "$", "*", "+", "?", "{2}", "{0,1}", "|", "(a)", "(?!b)"])
TEXTS = st.text(alphabet="ab cneedl1.", max_size=12)


@given(pattern=st.lists(PIECES, min_size=1, max_size=6).map("".join), lines=st.lists(TEXTS, min_size=1, max_size=4))
def test_the_quick_check_misses_no_match(pattern: str, lines: list[str]) -> None:
    try:
        sought = needle(pattern, pattern=True)
    except BadPattern:
        assume(False)
    fitting = [line for line in lines if sought.fits(line)]
    assert sought.perhaps(lines) or not fitting
    assert all(sought.words in line.lower() for line in fitting)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [(r"a needle.*stack \d", "a needle"), (r"exit [1-9]\d*$", "exit "), (r"colou?r", "colo"), (r"a|needle", ""),
     (r"(needle)?", ""), (r"needle{0}", "needl"), (r"\bneedle\s+in", "needle"), (r"\needle", "eedle")],
)  # fmt: skip
def test_the_database_searches_for_text_that_every_match_has(pattern: str, words: str) -> None:
    assert needle(pattern, pattern=True).words == words


def test_the_quick_check_finds_most_batches_without_a_match() -> None:
    assert not needle(r"exit [3-9]\d", pattern=True).perhaps(LINES)


def test_matching_parts_are_returned_once_each() -> None:
    assert needle(r"\d+", pattern=True).marks("1 22 1 333") == ["1", "22", "333"]
    assert needle(r"x*", pattern=True).marks("abc") == []
    assert needle("a.c").marks("abc") == []


@pytest.mark.parametrize("pattern", ["(", "[a", "a{2", "*", "(?P<x", "\\", "a" * (LONGEST_PATTERN + 1)])
def test_invalid_expressions_are_refused_or_literal(pattern: str) -> None:
    if pattern == "a{2":
        assert needle(pattern, pattern=True).fits("a{2")
        return
    with pytest.raises(BadPattern):
        needle(pattern, pattern=True)


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(a|aa)+$"])
def test_an_expression_that_would_take_years_is_stopped(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusters.selectors.log_search.PATTERN_SECONDS", 0.3)
    assert PATTERN_SECONDS > 1
    sought = needle(pattern, pattern=True)
    began = time.monotonic()
    with pytest.raises(BadPattern, match="takes too long"):
        for _ in range(10_000):
            sought.fits("a" * 5_000 + "!")
    assert time.monotonic() - began < 60
