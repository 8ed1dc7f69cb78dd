"""One reader for the JSON that programs on machines print; its errors explain what it cannot read."""

from __future__ import annotations

import pytest

from clusters.catalog.answers import LARGEST, object_of
from clusters.engine.wants import NotReached
from clusters.remote.host import Result


def answer(text: str) -> Result:
    """A command that printed this."""
    return Result("node1", "kubectl get nodes -o json", 0, text, "", 0.1)


def test_an_object_is_returned() -> None:
    assert object_of(answer('{"items": []}'), "the nodes") == {"items": []}


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "[" * 100_000, '{"a": ' + "9" * 5000 + "}", "Error: no"])
def test_other_output_is_refused_with_an_explanation(text: str) -> None:
    with pytest.raises(NotReached, match="about the nodes on node1 was expected to print JSON; found: "):
        object_of(answer(text), "the nodes")


def test_truncated_output_gives_its_own_error() -> None:
    half = '{"items": [' + '"x", ' * (LARGEST // 5)
    with pytest.raises(NotReached, match="node1 printed more than 2 MiB about the nodes"):
        object_of(answer(half), "the nodes")
