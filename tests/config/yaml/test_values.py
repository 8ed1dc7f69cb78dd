"""YAML from outside is read as plain values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clusters.config.yaml.tree import Refused
from clusters.config.yaml.values import FOREIGN, read_value, read_values

WHERE = "/etc/x on node1"


@pytest.mark.parametrize(
    ("text", "id", "message"),
    [
        ("a: 1\nb: ]\n", "yaml.syntax", f"{WHERE}, line 2: Invalid YAML."),
        ("a: 1\n---\nb: 2\n", "yaml.documents", f"Expected one YAML document in {WHERE}, found 2."),
        (b"a: \xff\n", "yaml.encoding", f"{WHERE} is not UTF-8 text: byte 4 cannot be read."),
        ("a: &a [1]\nb: [*a, *a]\nc: *a\n", "yaml.too_many_aliases", f"{WHERE}, line 3: The text uses aliases"),
        ("a: [[[1]]]\n", "yaml.too_deep", f"{WHERE}, line 1: Values are nested more than 2 levels deep."),
        ("a: &a [1]\nb: [*a]\n", "yaml.too_deep", f"{WHERE}, line 2: Values are nested more than 2 levels deep."),
    ],
)
def test_an_error_names_the_source_and_the_line(text: str | bytes, id: str, message: str) -> None:
    limits = replace(FOREIGN, aliases=2, depth=3 if "too_deep" not in id else 2)
    with pytest.raises(Refused) as refused:
        read_value(text, WHERE, limits)
    assert (refused.value.finding.id, refused.value.message[: len(message)]) == (id, message)


def test_what_others_write_is_read_as_their_programs_read_it() -> None:
    text = "a: 1\na: 2\nmode: 0644\nat: 2001-01-01\non: yes\nnone: ~\n8080: [1.5, '1', =]\n"
    text += "many: &x {k: v}\nmore: {<<: *x, l: w}\n"
    assert read_value("\ufeff" + text, WHERE) == {
        "a": 2, "mode": 0o644, "at": "2001-01-01", "on": True, "none": None, "8080": [1.5, "1", "="],
        "many": {"k": "v"}, "more": {"k": "v", "l": "w"},
    }  # fmt: skip


def test_empty_documents_of_a_stream_are_left_out() -> None:
    assert read_values("---\n---\na: 1\n---\n# nothing\n---\n- 2\n", WHERE) == [{"a": 1}, [2]]
    assert read_value("", WHERE) is None
    assert read_value(b"", WHERE) is None


def test_what_aliases_refer_to_is_one_value() -> None:
    found = read_value("a: &a [1]\nb: *a\n", WHERE)
    assert found["a"] is found["b"]
