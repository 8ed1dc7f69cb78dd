"""Every test that needs no lab is in a group of `make test`, whatever its markers, and in no plain group twice."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING

import pytest
from _pytest.mark.expression import Expression

from tests.test_house_rules import ROOT

if TYPE_CHECKING:
    from collections.abc import Collection

MAKEFILE = (ROOT / "Makefile").read_text()
GROUPS = ("test-fast", "test-thorough", "test-processes", "test-browser")
MARKERS = ("thorough", "examples", "processes", "sshd", "browser")


def expression_of(group: str) -> Expression:
    """What `make GROUP` passes on to pytest's -m."""
    recipe = re.search(rf"^{group}: .*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    plain = re.search(r"^PLAIN := (.*)$", MAKEFILE, re.MULTILINE)
    assert recipe and plain
    (found,) = re.findall(r'-m "(.*)"', recipe[1])
    return Expression.compile(found.replace("$(PLAIN)", plain[1]))


def groups_of(markers: Collection[str]) -> list[str]:
    """The groups in which a test with these markers runs."""

    def is_marked(name: str, /, **_: str | int | bool | None) -> bool:
        return name in markers

    return [group for group in GROUPS if expression_of(group).evaluate(is_marked)]


def test_make_test_runs_these_groups() -> None:
    recipe = MAKEFILE.partition("\ntest: ")[2].partition("\n\n")[0]
    assert set(GROUPS) <= set(recipe.replace('"', " ").split())


@pytest.mark.parametrize("chosen", list(product([False, True], repeat=len(MARKERS))), ids=str)
def test_no_test_is_left_out(chosen: tuple[bool, ...]) -> None:
    markers = {name for name, there in zip(MARKERS, chosen, strict=True) if there}
    assert groups_of(markers)


def test_what_is_heavy_is_not_in_the_fast_group_and_examples_are_looked_for_in_both() -> None:
    assert groups_of({"thorough"}) == ["test-thorough"]
    assert groups_of({"examples"}) == ["test-fast", "test-thorough"]
    assert groups_of(()) == ["test-fast"]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("number", range(6))
def test_a_sampled_test_has_every_so_many_of_its_parameters_in_the_fast_group(
    number: int, request: pytest.FixtureRequest
) -> None:
    heavy = request.node.get_closest_marker("thorough") is not None
    assert heavy == (number % 3 != 0)
