"""No regular expression of the product holds the interpreter: its time grows as the text does."""

from __future__ import annotations

import re

import pytest

from tests.security.patterns import TEXT_OF_PEOPLE, every_pattern
from tests.security.pumps import MOST_GROWTH, growth

FOUND, UNKNOWN = every_pattern()
DISTINCT = list({(each.pattern.pattern, each.pattern.flags, each.use): each for each in FOUND}.values())


def test_every_expression_of_the_product_is_known_before_it_runs() -> None:
    assert len(FOUND) > 70
    assert [each.where for each in UNKNOWN if (each.file, each.argument) not in TEXT_OF_PEOPLE] == []


@pytest.mark.parametrize("found", DISTINCT, ids=[each.where for each in DISTINCT])
def test_no_expression_takes_more_than_linear_time(found) -> None:
    factor, text = growth(found.pattern, found.use)
    assert factor < MOST_GROWTH, f"{found.pattern.pattern!r} ({found.use}) on {text}"


@pytest.mark.parametrize(
    ("pattern", "use"),
    [
        (r"(a+)+$", "match"),
        (r"\s*\s*:", "match"),
        (r"[\w.-]+:", "finditer"),
        (r"^\s*(?:-\s+)?(?:kind|- ?name)\s*:", "finditer"),
        (r"args=(['\"])(.*?)\1(?=\s|$)", "finditer"),
        (r"(?:\d+|[0-9]+x)*y", "fullmatch"),
    ],
)
def test_a_slow_expression_is_found(pattern: str, use: str) -> None:
    assert growth(re.compile(pattern, re.MULTILINE), use)[0] > MOST_GROWTH


@pytest.mark.parametrize(
    ("pattern", "use"), [(r"[\w.-]+:", "fullmatch"), (r"(?<![\w.-])[\w.-]+:", "finditer"), (r"\d{1,5}x", "finditer")]
)
def test_a_fast_expression_is_not_accused(pattern: str, use: str) -> None:
    assert growth(re.compile(pattern), use)[0] < MOST_GROWTH
