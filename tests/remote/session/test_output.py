"""Output: lines as they arrive, with limited memory."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from clusters.plaintext import plain_text
from clusters.remote.session.output import LONGEST_LINE, Capture, Framed, Lines, Tap


def passed_on(*chunks: bytes) -> list[str]:
    lines: list[str] = []
    cutter = Lines(lines.append)
    for chunk in chunks:
        cutter.feed(chunk)
    cutter.finish()
    return lines


def test_a_line_is_passed_on_when_it_is_complete() -> None:
    lines: list[str] = []
    cutter = Lines(lines.append)

    cutter.feed(b"one\ntw")
    assert lines == ["one"]
    cutter.feed(b"o\n")
    assert lines == ["one", "two"]


def test_a_last_line_without_an_end_is_passed_on_at_the_end() -> None:
    assert passed_on(b"one\ntwo") == ["one", "two"]


def test_empty_lines_stay() -> None:
    assert passed_on(b"\n\na\n") == ["", "", "a"]


def test_a_progress_bar_leaves_only_its_last_state() -> None:
    assert passed_on(b"10%\r20%\r", b"100%\r\nnext\r\n") == ["100%", "next"]


def test_nul_bytes_are_dropped_since_databases_refuse_them() -> None:
    assert passed_on(b"a\x00b\n") == ["ab"]


def test_what_is_not_utf8_is_replaced() -> None:
    assert passed_on(b"caf\xe9\n") == ["caf�"]


def test_a_character_cut_by_the_network_is_joined() -> None:
    assert passed_on("é".encode()[:1], "é".encode()[1:] + b"\n") == ["é"]


def test_a_long_line_is_split_between_characters() -> None:
    text = "x" + "é" * LONGEST_LINE

    pieces = passed_on(text.encode() + b"\n")

    assert "".join(pieces) == text
    assert len(pieces) == 3


def test_a_split_of_a_long_line_does_not_cut_a_color_code() -> None:
    for missing in range(1, 8):
        text = "x" * (LONGEST_LINE - missing) + "\x1b[0;32mgreen\x1b[0m"
        for arrived in range(LONGEST_LINE - 8, LONGEST_LINE + 8):
            pieces = passed_on(text.encode()[:arrived], text.encode()[arrived:] + b"\n")

            assert "".join(pieces) == text
            assert "".join(map(plain_text, pieces)) == "x" * (LONGEST_LINE - missing) + "green"


def test_a_color_code_cut_by_the_network_is_joined() -> None:
    assert [plain_text(line) for line in passed_on(b"\x1b[0;3", b"2mgreen\x1b", b"[0m\n")] == ["green"]


def test_an_endless_progress_bar_does_not_fill_memory() -> None:
    lines: list[str] = []
    cutter = Lines(lines.append)
    for step in range(20_000):
        cutter.feed(b"downloading %06d\r" % step)

    assert len(cutter._rest) <= LONGEST_LINE + 20
    cutter.finish()
    assert lines == ["downloading 019999"]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=6))
def test_lines_do_not_depend_on_how_the_network_cuts_them(data: bytes, cuts: list[int]) -> None:
    places = sorted({0, *(cut for cut in cuts if cut <= len(data)), len(data)})
    chunks = [data[start:end] for start, end in pairwise(places)]

    assert passed_on(*chunks) == passed_on(data)


def test_a_small_output_is_stored_whole() -> None:
    capture = Capture(limit=10)
    capture.feed(b"0123456789abcdefghij")

    assert capture.content() == b"0123456789abcdefghij"


def test_a_large_output_keeps_start_and_end_and_reports_the_gap() -> None:
    capture = Capture(limit=100)
    for number in range(1000):
        capture.feed(b"%09d\n" % number)

    text = capture.text()
    assert text.startswith("000000000\n")
    assert text.endswith("000000999\n")
    assert "bytes left out" in text
    assert len(text) < 300


def test_what_a_profile_prints_is_not_output() -> None:
    tap = Tap(b"MARK", Capture())
    for chunk in (b"Welcome!\nMA", b"RK 12", b"34\nreal out", b"put"):
        tap.feed(chunk)

    assert tap.text() == "real output"
    assert tap.noise == "Welcome!\n"
    assert tap.word == "1234"


def test_a_command_that_never_started_leaves_other_output() -> None:
    tap = Tap(b"MARK", Capture())
    tap.feed(b"This account is currently not available.\n")

    assert not tap.started.is_set()
    assert "not available" in tap.text()


def test_a_flood_before_the_command_does_not_fill_memory() -> None:
    tap = Tap(b"MARK", Capture())
    for _ in range(100):
        tap.feed(b"x" * 10_000)
    tap.feed(b"MARK 1\nhello")

    assert tap.text() == "hello"
    assert len(tap.noise) <= 80_000


@given(st.binary(max_size=60), st.lists(st.integers(0, 120), max_size=5), st.integers(0, 255))
def test_a_framed_stream_ends_at_its_word_however_it_is_cut(output: bytes, cuts: list[int], code: int) -> None:
    whole = b"noise begin-1 4711\n" + output + b"end-1 %d\nof somebody else" % code
    framed = Framed(Tap(b"begin-1", Capture()), b"end-1")
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    for start, stop in pairwise(places):
        framed.feed(whole[start:stop])

    assert (framed.over, framed.code, framed.tap.word, framed.tap.content()) == (True, code, "4711", output)


def test_a_framed_command_is_known_to_run_before_it_prints() -> None:
    framed = Framed(Tap(b"begin-1", Capture()), b"end-1")
    framed.feed(b"begin-1 4711\n")

    assert framed.tap.started.is_set() and not framed.over


@given(
    st.lists(st.sampled_from([b"a", b"\n", b"\r", b"\x00", b"\xc3", b"\xa9", b"\xf0\x9f", b"\xff", b"\xe2\x80\xa8"])),
    st.integers(0, 40),
)
def test_lines_that_are_decoded_together_are_what_each_is_alone(parts: list[bytes], most: int) -> None:
    together: list[Any] = []
    alone: list[Any] = []
    for passed, at_once in ((together, True), (alone, False)):
        lines = Lines(passed.append, most)
        if not at_once:
            lines._pass_on_block = lambda lines: False  # type: ignore[method-assign]  # takes the other way
        for start in range(0, len(parts), 4):
            lines.feed(b"".join(parts[start : start + 4]))
        lines.finish()
    assert together == alone
