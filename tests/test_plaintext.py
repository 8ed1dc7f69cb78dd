"""Stored output of machines contains no terminal control codes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.errors import InstallerError
from clusters.plaintext import before_code, plain_text

CODES = ["\x1b[0;32m", "\x1b[38;5;208m", "\x1b[>4;2m", "\x1b[2J", "\x1b[1;1H", "\x1b[?25l", "\x1b]0;a title\x07",
         "\x1b]8;;https://a/\x1b\\", "\x1bP1$r0m\x1b\\", "\x1b(B", "\x1b7", "\x1b=", "\x9b31m", "\x07", "\x08", "\x1b",
         "\x00", "\x7f", "\x0e"]  # fmt: skip


@pytest.mark.parametrize("code", CODES)
def test_no_code_of_a_terminal_is_left(code: str) -> None:
    assert plain_text(f"before {code}\tü 漢字\n{code}") == "before \tü 漢字\n"


def test_a_code_without_an_end_takes_no_words_along() -> None:
    assert plain_text("a \x1b[3\nb \x1b]0;c\nd \x1b[") == "a \nb 0;c\nd "


@given(st.text(st.sampled_from("\x1b[]P\\\x07\x9b0;m(B a\n\t")))
def test_plain_text_stays_as_it_is(text: str) -> None:
    plain = plain_text(text)
    assert plain_text(plain) == plain
    assert plain.count("\n") == text.count("\n")
    assert not set(plain) & {"\x1b", "\x07", "\x9b"}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("part", ["\x1b", "\x1b[", "\x1b[1;", "\x1b]", "\x1b]0;x", "\x1b[ ", "\x1bP\x1b", "1;", "\x9b"])
def test_a_hostile_text_is_read_in_time_that_grows_with_its_length(part: str) -> None:
    text = "\x1b[" + part * (400_000 // len(part))
    began = time.process_time()
    plain_text(text)
    assert time.process_time() - began < 10


@pytest.mark.parametrize("code", [code.encode() for code in CODES if code[0] == "\x1b"])
def test_a_cut_goes_through_no_code(code: bytes) -> None:
    for place in range(3, 3 + len(code)):
        for there in (place + 1, 3 + len(code), 9 + len(code)):
            assert before_code((b"abc" + code + b"defghi")[:there], place) == 3


def test_an_error_quotes_a_machine_without_colors() -> None:
    error = InstallerError("kubeadm printed: \x1b[0;31mno\x1b[0m.", hint="Try \x1b[1mthis\x1b[0m.")
    assert (str(error), error.message, error.hint) == ("kubeadm printed: no.", "kubeadm printed: no.", "Try this.")
    assert error.args == ("kubeadm printed: no.",)
