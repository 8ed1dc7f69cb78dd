"""A form body takes memory in proportion to its size, however it is encoded, and keeps its meaning."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, urlencode

import pytest
from django.core.exceptions import TooManyFieldsSent
from django.http import QueryDict

from installer_site.form_bodies import PIECE, decode, form_in

if TYPE_CHECKING:
    from pytest_django import Settings

TEXTS = (
    "", "plain", "a b+c%20d", "kind: Cluster\nname: é…\U0001f680", "%", "100%&=", "\x00\x7f", "x" * (3 * PIECE),
    "é" * PIECE,
    "+" * PIECE + "é" * 10, "%" * 1000,
)  # fmt: skip


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_form_means_what_django_reads_in_it(text: str) -> None:
    body = urlencode([("page", "machines"), ("text", text), ("text", "again"), (text[:50], "")])
    assert form_in(body.encode()) == QueryDict(body)


@pytest.mark.parametrize("shift", range(6))
def test_no_escape_is_cut_where_pieces_meet(shift: int) -> None:
    text = "x" * (PIECE - shift) + "é/" * PIECE
    assert decode(quote_plus(text).encode()) == text


@pytest.mark.parametrize("body", ["a", "=", "&&", "a=%zz&b=%4", "a=%", "%41=%42%", "a=b=c", "a=é"])
def test_what_is_malformed_is_read_as_django_reads_it(body: str) -> None:
    assert form_in(body.encode()) == QueryDict(body.encode())


def test_bytes_that_are_not_text_are_replaced() -> None:
    assert form_in(b"a=\xff%ff")["a"] == "��"


def test_more_fields_than_a_form_has_are_refused(settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 3
    assert len(form_in(b"a=1&b=2&c=3")) == 3
    with pytest.raises(TooManyFieldsSent):
        form_in(b"a=1&b=2&c=3&d=4")


@pytest.mark.thorough
@pytest.mark.parametrize(
    "body", [b"text=" + b"%3A" * 2_000_000, b"text=" + b"a%" * 2_000_000], ids=["escapes", "signs"]
)
def test_megabytes_of_escapes_take_little_more_than_themselves(body: bytes) -> None:
    tracemalloc.start()
    try:
        form_in(body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * len(body)
