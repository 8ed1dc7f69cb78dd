"""Command lines of a text as commands: their words with places, and whose output each of them reads."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NO_WORD = -1
MOST_PRINTED = 20
"""Commands within brackets that are looked at when their output goes to a program that reads a password."""
DEEPEST_BRACKETS = 100
"""Brackets in brackets that are distinguished; memory and time stay in proportion to the text."""
FEW_BEFORE = 2
"""Commands of a pipeline before the last one that are looked at, too: `echo x | base64 | passwd`."""

_TOKEN = re.compile(
    r"(?P<apart>\|[|&]?|&&?|;|\n|[<>]\(|[()`]|(?<!\S)#+)|(?P<here><<<)|(?P<file>\d?>{1,2}(?![(&])|<(?![<(]))"
    r"|(?P<word>(?:[^\s\"'\\;|&<>()`]|\\(?s:.)|\"(?:[^\"\\\n]|\\(?s:.))*+\"|'[^'\n]*+'|[\"'\\])++)"
)


@dataclass(slots=True)
class Command:
    """Words of one command with their places; `apart` is the sign before it."""

    apart: str
    words: list[str] = field(default_factory=list, repr=False)
    starts: list[int] = field(default_factory=list)
    here: int = -1
    """The word behind `<<<`."""
    files: list[str] = field(default_factory=list)
    """Where its output goes."""
    inputs: list[tuple[int, list[Command]]] = field(default_factory=list)
    """Which word of it is `<(…)`, or ends in `$(…)`, or NO_WORD for `< <(…)`, and the commands in there."""
    following: str = ""
    """`here` or `file` where the next word is one."""

    def add(self, word: str, start: int) -> None:
        """Its next word."""
        following, self.following = self.following, ""
        if following == "file":
            self.files.append(word)
            return
        if following == "here":
            self.here = len(self.words)
        self.words.append(word)
        self.starts.append(start)


@dataclass(slots=True)
class _Bracket:
    """A bracket that is open: what is in it so far, and the command that goes on behind it, if one does."""

    inside: list[Command] = field(default_factory=list)
    outer: Command | None = None
    place: int = 0

    def closed(self) -> Command | None:
        """The command that has the bracket among its words."""
        if self.outer is not None:
            self.outer.inputs.append((self.place, self.inside))
        return self.outer


def with_printers(line: str, offset: int) -> Iterator[tuple[Command, Sequence[Command]]]:
    """Each command of a line, and the commands whose output it reads: `(echo a; echo a) | passwd`."""
    before: deque[Command] = deque(maxlen=MOST_PRINTED)
    opened: list[int] = []
    group: list[Command] = []
    printers: Sequence[Command] = ()
    for count, command in enumerate(commands(line, offset)):
        if command.apart in ("|", "|&"):
            printers = [*printers[-FEW_BEFORE:], *(group or [*before][-1:])]
        elif command.apart != "(" or (before and before[-1].words):
            printers = ()
        closes = command.apart == ")" or command.words[:1] == ["}"]
        inside = min(count - opened.pop(), len(before)) if closes and opened else 0
        group = [*before][len(before) - inside :] if inside else []
        if command.apart == "(" or command.words[:1] == ["{"]:
            opened.append(count)
        yield command, printers
        before.append(command)


def commands(line: str, offset: int) -> Iterator[Command]:
    """The commands of one line, in order; one that has others in brackets among its words comes behind those."""
    command, end = Command(""), -1
    open_now: list[_Bracket] = []
    for match in _TOKEN.finditer(line):
        sign = match["apart"]
        if not sign:
            if match["word"]:
                command.add(*bare(match["word"], match.start() + offset))
                end = match.end()
            else:
                command.following = "here" if match["here"] else "file"
            continue
        substitutes = sign in ("<(", ">(") or (sign == "(" and end == match.start() and line[end - 1] == "$")
        if substitutes and len(open_now) < DEEPEST_BRACKETS:
            of_file = command.following == "file"
            if end != match.start():
                command.add("", match.start() + offset)
            open_now.append(_Bracket(outer=command, place=NO_WORD if of_file else len(command.words) - 1))
            command = Command(sign)
            continue
        yield command
        inside = open_now[-1].inside if open_now else []
        if len(inside) < MOST_PRINTED:
            inside.append(command)
        if sign == "(" and len(open_now) < DEEPEST_BRACKETS:
            open_now.append(_Bracket(inside))
        outer = open_now.pop().closed() if sign == ")" and open_now else None
        command = outer or Command(sign)
    yield command
    for bracket in reversed(open_now):
        bracket.inside.append(command)
        if outer := bracket.closed():
            command = outer
            yield command


def bare(word: str, start: int) -> tuple[str, int]:
    """A word without the quotes around it, also when only one of them, or a `\\"`, is in it."""
    if len(word) > 1 and word[0] in "'\"" and word[0] == word[-1]:
        return word[1:-1], start + 1
    for quote in ('\\"', "\\'", '"', "'"):
        if word.count(quote) % 2 and word.endswith(quote):
            word = word[: -len(quote)]
        elif word.startswith(quote) and (word.count(quote) % 2 or quote[0] == "\\"):
            word, start = word[len(quote) :].removesuffix(quote), start + len(quote)
    return word, start
