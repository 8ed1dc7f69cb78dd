"""Every log search gets lines or a message, never an error page."""

from __future__ import annotations

import threading
import tracemalloc
from typing import TYPE_CHECKING

import pytest
import regex
from django.urls import reverse
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from clusters.selectors import BadPattern, log_search, needle
from clusters.selectors.expression_size import expanded_size
from clusters.selectors.log_search import _Pattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.models import User
    from django.test import Client

    from clusters.models import Run

FLAGS = [*"abefiLmprsuwx", "V0", "V1", "V2", "q"]
HUGE = (
    "a{2000000}",
    "((a{100}){100}){200}",
    "(?:a{50}b{50}){50}",
    "(?<=a{5000})b",
    "(?P<name>a){,4000}",
    "(?:ab){3000,}",
    "(?r)(?:ab){e<=3}{4000}",
    "[[a-z]--[b]]{5000}",
    "[]{3}(]{5000}",
    r"\p{L}{5000}",
    r"\({5000}",
    "a(?i){5000}",
    "(a)(?1){5000}",
    "a(?#)){5000}",
    "(?x)a{5 0 0 0}",
    "(?x)a{5# }\n000}",
    "(?:a+" * 20 + ")+" * 20,
    "a{" + "9" * 400 + "}",
)
EVERYDAY = (
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}",
    r"(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?",
    r"[0-9a-f]{64}",
    "foo.{0,500}bar",
    r"(?x) \d{4} - \d{2}",
    "(?:(?:a+b+)+(?:c+d+)+)+" * 15,
    r"E\d{4} .*(?:refused|timed? out){e<=2}",
)
PIECES = [*"ab([)]{}|?+*\\^#: \n", "(?:", "(?=", "(?<=", "(?#", "(?x)", "(?i)", "(?1)", "{2}", "{3,}", "{,9}", "{30}"]
PIECES += ["{99}", "{e<=2}", "{4 }", "[^", "[:alpha:]", "[a-z]", ")+", "){9}", "(a", r"\p{L}"]
MOST_MEMORY = 16 * 1024 * 1024
SHAPES = ("(?{0})x", "(?{0}:x)", "(?-{0}:x)", "(?-{0})x", "(?i-{0}:x)", "(?{0}-i:x)", "x(?{0})", "(?{0}", "(?{0}m)x")


@pytest.mark.parametrize("flag", FLAGS)
def test_every_inline_flag_of_the_library_fits_or_is_refused_in_words(flag: str) -> None:
    for shape in SHAPES:
        try:
            sought = needle(shape.format(flag), pattern=True)
            fits = [sought.fits(line) for line in ("x", "a")]
            perhaps, marks = sought.perhaps(["a", "x"]), sought.marks("ax")
        except BadPattern as error:
            assert error.message.startswith("Invalid regular expression: ")
        else:
            assert (fits, perhaps, marks) == ([True, False], True, ["x"]), shape


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["run-log", "run-log-hits"])
def test_a_flag_that_cannot_be_combined_is_answered_with_a_sentence(
    page: str, client: Client, alice: User, make_run: Callable[..., Run]
) -> None:
    client.force_login(alice)
    run = make_run(state="succeeded")
    answer = client.get(reverse(page, args=[run.pk]), {"search": "(?V1)x", "regex": "yes"})
    assert answer.status_code == 400
    assert answer.content.decode().startswith("Invalid regular expression: VERSION0 and VERSION1")


@pytest.mark.parametrize("text", HUGE)
def test_an_expression_with_huge_repeats_is_refused_before_it_is_compiled(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regex, "compile", lambda *_, **__: pytest.fail("it was compiled"))
    with pytest.raises(BadPattern, match=r"^This expression repeats too much"):
        needle(text, pattern=True)


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["run-log", "run-log-hits"])
def test_a_huge_repeat_is_answered_with_a_sentence(
    page: str, client: Client, alice: User, make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regex, "compile", lambda *_, **__: pytest.fail("it was compiled"))
    client.force_login(alice)
    run = make_run(state="succeeded")
    answer = client.get(reverse(page, args=[run.pk]), {"search": "a{2000000}", "regex": "yes"})
    assert answer.status_code == 400
    assert answer.content.decode().startswith("This expression repeats too much")


@pytest.mark.parametrize("text", EVERYDAY)
def test_expressions_that_people_use_are_searched_for(text: str) -> None:
    assert needle(text, pattern=True).fits("nothing of it") is False


@pytest.mark.thorough
@settings(deadline=None, max_examples=2 * settings().max_examples, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_what_is_small_enough_takes_little_memory_to_compile(pieces: list[str]) -> None:
    text = "".join(pieces)[: log_search.LONGEST_PATTERN]
    assume(expanded_size(text) <= log_search.LARGEST_PATTERN)
    tracemalloc.start()
    try:
        needle(text, pattern=True)
    except BadPattern:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < MOST_MEMORY


def test_typed_searches_are_not_stored() -> None:
    first, second = (needle("a{30}b", pattern=True) for _ in range(2))
    assert isinstance(first, _Pattern) and isinstance(second, _Pattern)
    assert first.line is not second.line


ENDLESS = {
    "repeats within repeats": (r"(a|a)*b|(a+)+$", "a" * 60_000 + "c"),
    "references": (r"(a+)\1+b", "a" * 9_000),
    "references without case": (r"(?f)(ß+)\1+b", "ss" * 5_000),
    "clusters of characters": (r"(?:\X+)+[0-9]", "e\u0301" * 30_000),
    "nearly": ("(?:abcdefghijklmnop){e<=9}", "abc" * 20_000),
}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text,line", ENDLESS.values(), ids=ENDLESS)
def test_searching_and_marking_end_with_the_time(text: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_search, "PATTERN_SECONDS", 0.2)
    for use in ("fits", "marks"):
        with pytest.raises(BadPattern, match="takes too long"):
            getattr(needle(text, pattern=True), use)(line)


@pytest.mark.thorough
def test_other_threads_work_while_lines_are_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_search, "PATTERN_SECONDS", 0.5)
    sought = needle(r"(a+)\1+b", pattern=True)
    turns, over = [0], threading.Event()

    def count() -> None:
        while not over.wait(0.001):
            turns[0] += 1

    thread = threading.Thread(target=count)
    thread.start()
    before = turns[0]
    with pytest.raises(BadPattern):
        sought.marks("a" * 9_000)
    done = turns[0] - before
    over.set()
    thread.join()
    assert done > 10
