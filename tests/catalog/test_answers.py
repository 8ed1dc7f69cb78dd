"""What programs on machines print as JSON is read by one reader, which says in words what it cannot read."""

from __future__ import annotations

import pytest

from clusters.catalog.answers import LARGEST, object_of
from clusters.engine.wants import NotReached
from clusters.remote.host import Result


def answer(text: str) -> Result:
    """A command that printed this."""
    return Result("node1", "kubectl get nodes -o json", 0, text, "", 0.1)


def test_an_object_is_given_back() -> None:
    assert object_of(answer('{"items": []}'), "the nodes") == {"items": []}


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "[" * 100_000, '{"a": ' + "9" * 5000 + "}", "Error: no"])
def test_what_is_no_object_is_refused_in_words(text: str) -> None:
    with pytest.raises(NotReached, match="node1 was asked about the nodes; expected JSON, found: "):
        object_of(answer(text), "the nodes")


def test_an_answer_that_was_cut_says_so() -> None:
    half = '{"items": [' + '"x", ' * (LARGEST // 5)
    with pytest.raises(NotReached, match="node1 answered with more than 2 MiB about the nodes"):
        object_of(answer(half), "the nodes")
