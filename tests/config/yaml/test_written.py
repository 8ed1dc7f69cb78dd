"""Parts of a value are found in every YAML notation, so that they can be replaced in place."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from clusters.config.yaml.tree import Mapping, Scalar, read
from clusters.config.yaml.written import place_of, written_spans
from tests.config.test_round_trip import GENTLY

VALUES = st.text("ab '\"\\é•…\n\t#:-\xa0\U0001f600", min_size=1, max_size=60)
FITS: dict[str, str] = {
    "plain": "a: one S3 two",
    "plain, over lines": "a: one\n  S3\n\n  two # S4",
    "double quotes": '"a": "\\x41 \\"S3\\" \\u2026\\tb"',
    "double quotes, over lines": 'a: "one \\\n  S3\n\n  two\\n"',
    "single quotes": "a: 'it''s S3 ''x'''",
    "single quotes, over lines": "a: 'it''s\n  S3\n\n  b'",
    "a block": "a: |2- # S4\n    S3\n   b\n\n\nb: x",
    "a folded block": "a: >\n  one\n  S3\n\n  two\n\nb: x",
    "a folded block without its end": "a: >-\n  one S3\n\n\n  two",
    "a block of another system": "a: |\r\n  one\r\n  S3\r\n  two\r\n\r\nb: x",
    "double quotes of another system": 'a: "one \\\r\n  S3\r\n  \r\n  two"',
    "an anchor and a tag": "a: &S4 !!str 'S3 x'",
    "an anchor, and a block": "a: &S4\n  |\n  x S3\nb: 1",
}


def first(text: str) -> Scalar:
    (node,) = read(text)
    assert isinstance(node, Mapping)
    value = next(iter(node.pairs.values()))[1]
    assert isinstance(value, Scalar)
    return value


def replaced(text: str, start: int, end: int) -> str | None:
    """The text with X in place of a part of its first value."""
    scalar = first(text)
    begin, stop = place_of(text, scalar)
    spans = written_spans(text[begin:stop], scalar.text, [(start, end)])
    return None if spans is None else text[: begin + spans[0][0]] + "X" + text[begin + spans[0][1] :]


@pytest.mark.parametrize("text", FITS.values(), ids=FITS)
def test_a_part_is_replaced_where_it_is_written(text: str) -> None:
    at = first(text).text.index("S3")
    assert replaced(text, at, at + 2) == text.replace("S3", "X")


@GENTLY
@given(VALUES, st.sampled_from(["'", '"', "|", ">", ""]), st.integers(4, 40), st.data())
def test_any_word_of_any_value_is_replaced_alone(made: str, style: str, width: int, data: st.DataObject) -> None:
    text = yaml.dump({"a": made}, default_style=style or None, width=width, allow_unicode=True)
    value = first(text).text  # a folded block that begins with a blank is written as another value
    start = data.draw(st.integers(0, len(value) - 1))
    end = start + 1 + next((n for n, char in enumerate(value[start + 1 :]) if char.isspace()), len(value) - start - 1)
    found = replaced(text, start, end)
    if value[start].isspace():
        return
    # A folded block with lines that are indented further, or that end with blanks, may not fit.
    assert found is not None or text[first(text).start] == ">"
    assert found is None or first(found).text == f"{value[:start]}X{value[end:]}"


def test_what_does_not_fit_is_not_found() -> None:
    assert written_spans("|\n  one\n", "two\n", [(0, 3)]) is None
    assert written_spans("'it''s'", "it s", [(0, 1)]) is None
    assert written_spans('"a\\x4', "a", [(0, 1)]) is None
