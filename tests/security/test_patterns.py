"""No regular expression of the product blocks the interpreter: its time grows linearly with the text."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.security import pumps
from tests.security.patterns import ENGINES, TEXT_OF_PEOPLE, every_pattern
from tests.security.pumps import MOST_GROWTH, at_most, growth
from tests.test_house_rules import SHIPPED, generated, name

if TYPE_CHECKING:
    from tests.security.patterns import Found

FILES = [
    name(path)
    for path in SHIPPED
    if not generated(path) and re.search(rf"^import ({'|'.join(ENGINES)})$", path.read_text(), re.MULTILINE)
]
"""Files with expressions. What these are takes seconds to read from the source, so only who tests them reads it."""


@cache
def by_file() -> dict[str, list[Found]]:
    """File -> its expressions, each once in the product."""
    found: dict[str, list[Found]] = {}
    for each in {(each.pattern.pattern, each.pattern.flags, each.use): each for each in every_pattern()[0]}.values():
        found.setdefault(each.where.partition(":")[0], []).append(each)
    return found


@pytest.mark.thorough
def test_every_expression_of_the_product_is_known_before_it_runs() -> None:
    found, unknown = every_pattern()
    assert len(found) > 70
    assert [each.where for each in unknown if (each.file, each.argument) not in TEXT_OF_PEOPLE] == []
    assert set(by_file()) <= set(FILES)


@pytest.mark.thorough
@pytest.mark.timeout(600)
@pytest.mark.parametrize("file", FILES)
def test_no_expression_takes_more_than_linear_time(file: str) -> None:
    for each in by_file().get(file, []):
        factor, text = growth(each.pattern, each.use)
        assert factor < MOST_GROWTH, f"{each.where}: {each.pattern.pattern!r} ({each.use}) on {text}"


@pytest.mark.thorough
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


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("pattern", "use"), [(r"[\w.-]+:", "fullmatch"), (r"(?<![\w.-])[\w.-]+:", "finditer"), (r"\d{1,5}x", "finditer")]
)
def test_a_fast_expression_is_not_accused(pattern: str, use: str) -> None:
    assert growth(re.compile(pattern), use)[0] < MOST_GROWTH


@pytest.mark.parametrize(
    ("times", "proven"),
    [
        ([0.19], True),
        ([0.47, 0.03, 0.02, 0.03], True),
        ([0.49, 0.02, 0.02, 0.02, 0.47], True),
        ([0.49, 0.02, 0.02, 0.02, 0.49, 0.49], False),
        ([0.20, 0.001, 0.001, 0.001, 0.20, 0.20], False),
    ],
)
def test_times_are_measured_again_until_they_prove_it(
    times: list[float], proven: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = list(times)
    monkeypatch.setattr(pumps, "seconds", lambda *_: left.pop(0))
    assert at_most(24, lambda size: lambda: size, (1, 8), 0.008) is proven
    assert left == []
