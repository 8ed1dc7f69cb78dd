"""needle(): what lines of a log are searched for: a text, or a regular expression, which is given only so much time."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import regex
from django.utils.translation import gettext

from clusters.errors import InstallerError
from clusters.selectors.expression_size import expanded_size

if TYPE_CHECKING:
    from collections.abc import Sequence

# Seconds for one answer: some expressions would search a line of some hundred characters for years.
PATTERN_SECONDS = 5.0
LONGEST_PATTERN = 500
LARGEST_PATTERN = 2_000
"""Characters, sets and groups once repeats are written out: `a{1000}` is compiled at once, `a{2000000}` in minutes."""
# Different texts of one line that a page marks.
MOST_MARKS = 8
# What means something else where many lines are one text, beside what `_for_many` writes in another way.
ONE_LINE = re.compile(r"\(\?|\[\^?\]|[*+?}]\+|\\[^dwbsSDW.\[\](){}*+?|^$/-]")
OTHERWISE = {r"\s": r"[^\S\n]", r"\W": r"[^\w\n]", r"\D": r"[^\d\n]"}
# Characters of an expression that mean themselves, and that the database finds by their looks.
THEMSELVES = re.compile(r"[A-Za-z0-9 _:=,@/-]{3,}")


class BadPattern(InstallerError):
    """A regular expression that cannot be read, or takes too long."""


class Needle(Protocol):
    """What is searched for. `words` is what the database may look for beforehand."""

    words: str

    def fits(self, text: str) -> bool:
        """Whether it is in this line."""
        ...

    def perhaps(self, texts: Sequence[str]) -> bool:
        """False where it is surely in none of these lines."""
        ...

    def marks(self, text: str) -> list[str]:
        """The parts of a line that fit, for whoever cannot find them."""
        ...


@dataclass(frozen=True, slots=True)
class _Text:
    words: str = field(repr=False)

    def fits(self, text: str) -> bool:
        return self.words in text.lower()

    def perhaps(self, texts: Sequence[str]) -> bool:
        return True

    def marks(self, text: str) -> list[str]:
        return []


@dataclass(frozen=True, slots=True)
class _Pattern:
    """Lines are first looked at many at a time, as one text of many lines: most fit nowhere."""

    line: regex.Pattern[str]
    lines: regex.Pattern[str] | None
    until: float
    words: str

    def fits(self, text: str) -> bool:
        return self._search(self.line, text)

    def perhaps(self, texts: Sequence[str]) -> bool:
        return self.lines is None or self._search(self.lines, "\n".join(texts))

    def marks(self, text: str) -> list[str]:
        try:
            found = self.line.finditer(text, timeout=self._left())
            return list(dict.fromkeys(match[0] for match in found if match[0]))[:MOST_MARKS]
        except (TimeoutError, MemoryError) as error:
            raise _too_slow() from error

    def _search(self, pattern: regex.Pattern[str], text: str) -> bool:
        try:
            return pattern.search(text, concurrent=True, timeout=self._left()) is not None
        except (TimeoutError, MemoryError) as error:
            raise _too_slow() from error

    def _left(self) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise _too_slow()
        return left


def needle(text: str, *, pattern: bool = False) -> Needle:
    """What is searched for; small and capital letters are the same. Raises BadPattern."""
    if not pattern:
        return _Text(text.lower())
    if len(text) > LONGEST_PATTERN:
        raise BadPattern(gettext("This expression is longer than %(most)s characters.") % {"most": LONGEST_PATTERN})
    if expanded_size(text) > LARGEST_PATTERN:
        raise BadPattern(
            gettext(
                "This expression repeats too much: with its repeats written out it has more than %(most)s parts. "
                "Use smaller numbers in braces, or * instead."
            )
            % {"most": f"{LARGEST_PATTERN:,}"}
        )
    try:
        line = _compiled(text)
        several = _for_many(text)
        many = None if several is None else _compiled(several, regex.MULTILINE)
    except (
        regex.error,
        ValueError,
        OverflowError,
        RecursionError,
        MemoryError,
    ) as error:  # ValueError: flags that exclude each other
        raise BadPattern(gettext("This is no regular expression: %(why)s.") % {"why": error}) from error
    return _Pattern(line, many, time.monotonic() + PATTERN_SECONDS, _words(text))


def _compiled(text: str, flags: int = 0) -> regex.Pattern[str]:
    """The expression. `regex` would keep what people typed: 500 expressions, and a note of each one for ever."""
    try:
        return regex.compile(text, regex.IGNORECASE | regex.VERSION0 | flags, cache_pattern=False)
    finally:
        regex.purge()


def _for_many(text: str) -> str | None:
    """The expression for many lines in one text, of which no part reaches into the next line; None where that is
    not known."""
    if ONE_LINE.search(text):
        return None
    if "[" not in text:
        return re.sub(r"\\[sWD]", lambda found: OTHERWISE[found[0]], text)
    return None if re.search(r"\\[sWD]", text) else re.sub(r"(?<!\\)\[\^", r"[^\\n", text)


def _words(text: str) -> str:
    """The longest text that every line has that fits, as far as that is plain to see."""
    if re.search(r"[|(]|\[\^?\]", text):
        return ""
    bare = re.sub(r"\\.", "\0", text)
    bare = re.sub(r"\[[^\]]*+\]?", "\0", bare)
    bare = re.sub(r".(?:[*?]|\{[^}]*+\}?)", "\0", bare)
    return max(THEMSELVES.findall(bare), key=len, default="").lower()


def _too_slow() -> BadPattern:
    return BadPattern(gettext("This expression takes too long; a simpler one, or a plain text, is found at once."))
