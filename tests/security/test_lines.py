"""What a document says never begins a line of its own in a file that a program reads as root."""

from __future__ import annotations

import pytest

from clusters.catalog.steps.kubernetes.binaries import quoted
from clusters.errors import ConfigError, one_line

BROKEN = ["v=2\nExecStart=/bin/sh -c 'touch /pwned'\n#", "a\rb", "a\x0bb", "a\x00b", "a\x7fb", "a\x1bb"]


@pytest.mark.parametrize("word", BROKEN)
def test_an_argument_of_kubelet_stays_one_line_of_its_unit(word: str) -> None:
    with pytest.raises(ConfigError, match="An argument of kubelet has a line break"):
        quoted(word)


def test_what_is_one_line_is_left_as_it_is() -> None:
    assert one_line("v=2 ü %n $HOME", "A value") == "v=2 ü %n $HOME"
    assert quoted("a b") == '"a b"'
