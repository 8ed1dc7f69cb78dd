"""Finds where the parts of a value are written in a YAML text."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from clusters.config.secrets.patterns import Span
    from clusters.config.yaml.tree import Scalar

_PROPERTIES = re.compile(r"(?:[&!]\S*+\s++)++")
"""Anchor and tag, which the parser includes in a value."""
_BREAKS = re.compile(r"[ \t\r\n]++")
_SPECIAL = {'"': re.compile(r"\\|\n"), "'": re.compile(r"''|\n")}
_BREAK = re.compile(r"\n")
_ESCAPED = re.compile(
    r"\\(?:\r?\n[ \t]*+|x(?P<x>[0-9A-Fa-f]{2})|u(?P<u>[0-9A-Fa-f]{4})|U(?P<U>00(?:0[0-9A-Fa-f]|10)[0-9A-Fa-f]{4})"
    r"|(?P<char>.))"
)
_CHARS = {"0": "\0", "a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b"}
_CHARS |= {"N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029"}

Part = tuple[str, int, int]
"""A part of a value, with its start and end in the text."""


def place_of(text: str, scalar: Scalar) -> Span:
    """The span of a value in the text, without its anchor, its tag, and what follows a block."""
    start = scalar.start
    if text[start : start + 1] in ("&", "!") and (match := _PROPERTIES.match(text, start, scalar.end)) is not None:
        start = match.end()
    raw = text[start : scalar.end]
    return start, start + len(raw.rstrip("\r\n")) if is_block(raw) else scalar.end


def is_block(raw: str) -> bool:
    """Whether a value is written as the lines below `|` or `>`."""
    return raw[:1] in ("|", ">") and "\n" in raw


def inner_span(raw: str) -> Span:
    """The span of a written value without its syntax: without quotes, or a block without its header."""
    if is_block(raw):
        body = raw.find("\n") + 1
        return body + len(raw[body:]) - len(raw[body:].lstrip()), len(raw.rstrip())
    if len(raw) > 1 and raw[0] in "\"'" and raw[-1] == raw[0]:
        return 1, len(raw) - 1
    return 0, len(raw)


def written_spans(raw: str, value: str, spans: Sequence[Span]) -> list[Span] | None:
    """The spans of a value's parts in its written form; None when the two do not match."""
    if raw[:1] == "|":
        lines = lines_of_block(raw, value)
        return None if lines is None else [(moved(lines, first), moved(lines, last)) for first, last in spans]
    start, end = inner_span(raw)
    if raw[start:end] == value:
        return [(start + first, start + last) for first, last in spans]
    parts = _folded(raw, value) if raw[:1] == ">" else _unquoted(raw, start, end)
    return _spans_of_parts(list(parts), value, spans)


def lines_of_block(raw: str, value: str) -> list[tuple[int, int]] | None:
    """The start of each line of a literal block, in its value and in the text; None when the two do not match."""
    place = raw.find("\n") + 1
    begins, at = [], 0
    for line in value.split("\n"):
        stop = raw.find("\n", place)
        stop = len(raw) if stop < 0 else stop
        end = stop - raw.startswith("\r\n", stop - 1)
        if not raw[place:end].endswith(line):
            return None
        begins.append((at, end - len(line)))
        at, place = at + len(line) + 1, stop + 1
    return begins


def moved(lines: list[tuple[int, int]], at: int) -> int:
    """The position in the text for a position in a literal block's value."""
    low, high = 0, len(lines)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if lines[middle][0] <= at else (low, middle)
    begin, there = lines[low]
    return there + at - begin


def _spans_of_parts(parts: list[Part], value: str, spans: Sequence[Span]) -> list[Span] | None:
    if "".join(part for part, _start, _end in parts) != value:
        return None
    places = list(chain.from_iterable(_places(*part) for part in parts))
    return [(places[first][0], places[last - 1][1]) for first, last in spans]


def _places(part: str, start: int, end: int) -> Iterator[Span]:
    """The span of each character of a part: one by one, or one span for all of them."""
    if len(part) == end - start:
        yield from ((at, at + 1) for at in range(start, end))
    else:
        yield from ((start, end) for _ in part)


def _unquoted(raw: str, start: int, end: int) -> Iterator[Part]:
    """The parts of a plain or quoted value."""
    special = _SPECIAL.get(raw[:1], _BREAK)
    place = start
    while (match := special.search(raw, place, end)) is not None:
        begin = match.start()
        if match[0] == "\n":
            begin, after, breaks = _fold(raw, place, begin, end)
            text = "\n" * (breaks - 1) or " "
        else:
            text, after = _escaped(raw, begin, end) if match[0] == "\\" else ("'", match.end())
        yield raw[place:begin], place, begin
        yield text, begin, after
        place = after
    yield raw[place:end], place, end


def _fold(raw: str, place: int, at: int, end: int) -> tuple[int, int, int]:
    """Start and end of the blanks and further breaks around a line break, and the number of breaks."""
    begin = place + len(raw[place:at].rstrip(" \t\r"))
    match = _BREAKS.match(raw, at, end)
    after = match.end() if match is not None else at
    return begin, after, raw.count("\n", at, after)


def _escaped(raw: str, start: int, end: int) -> tuple[str, int]:
    match = _ESCAPED.match(raw, start, end)
    if match is None:
        return "", end
    if (char := match["char"]) is not None:
        return _CHARS.get(char, char), match.end()
    code = match["x"] or match["u"] or match["U"]
    return (chr(int(code, 16)) if code else ""), match.end()


def _folded(raw: str, value: str) -> Iterator[Part]:
    """A folded block: a break between two lines is a blank, unless one of them is indented further."""
    text = value.lstrip("\n")
    ahead = len(text) - len(text.lstrip(" "))  # with a number in its head, as `>2`
    first = inner_span(raw)[0] - ahead
    indent = first - raw.rfind("\n", 0, first) - 1
    yield value[: len(value) - len(text)], first, first
    end, above, breaks, beside = first, first - indent, 0, False
    while above < len(raw):
        stop = raw.find("\n", above)
        stop = len(raw) if stop < 0 else stop
        last = stop - raw.startswith("\r\n", stop - 1)
        start = min(above + indent, last)
        if line := raw[start:last]:
            further = line[0] in " \t"
            if breaks:
                stay = breaks if beside or further else breaks - 1
                yield "\n" * stay or " ", end, start
            yield line, start, last
            end, breaks, beside = last, 0, further
        breaks, above = breaks + 1, stop + 1
    # What a block ends with, `-` and `+` in its head decide.
    yield value[len(value.rstrip("\n")) :], end, end
