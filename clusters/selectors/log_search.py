"""needle(): what a log is searched for: a text, or a regular expression with a time limit."""

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

# Seconds for one response: some expressions would search a line of some hundred characters for years.
PATTERN_SECONDS = 5.0
LONGEST_PATTERN = 500
LARGEST_PATTERN = 2_000
"""Characters, sets and groups after repeats are expanded: `a{1000}` compiles at once, `a{2000000}` takes minutes."""
# Different texts of one line that a page highlights.
MOST_MARKS = 8
# Syntax with another meaning in a text of many lines, except what `_for_many` rewrites.
ONE_LINE = re.compile(r"\(\?|\[\^?\]|[*+?}]\+|\\[^dwbsSDW.\[\](){}*+?|^$/-]")
OTHERWISE = {r"\s": r"[^\S\n]", r"\W": r"[^\w\n]", r"\D": r"[^\d\n]"}
# Literal characters of an expression, which the database can search for.
THEMSELVES = re.compile(r"[A-Za-z0-9 _:=,@/-]{3,}")


class BadPattern(InstallerError):
    """A regular expression that is invalid or takes too long."""


class Needle(Protocol):
    """What is searched for. `words` is a text that the database may search for beforehand."""

    @property
    def words(self) -> str:
        """A text that every line has that fits."""
        ...

    def fits(self, text: str) -> bool:
        """Whether this line matches."""
        ...

    def perhaps(self, texts: Sequence[str]) -> bool:
        """False if certainly none of these lines matches."""
        ...

    def marks(self, text: str) -> list[str]:
        """The matching parts of a line, for clients that cannot find them."""
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
    """Lines are first searched in batches, as one text of many lines: most batches have no match."""

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
    """A needle for a text or pattern, ignoring case. Raises BadPattern."""
    if not pattern:
        return _Text(text.lower())
    if len(text) > LONGEST_PATTERN:
        raise BadPattern(gettext("This expression is longer than %(most)s characters.") % {"most": LONGEST_PATTERN})
    if expanded_size(text) > LARGEST_PATTERN:
        raise BadPattern(
            gettext(
                "This expression repeats too much: with its repeats expanded it has more than %(most)s parts. "
                "Use smaller numbers in braces, or * instead."
            )
            % {"most": f"{LARGEST_PATTERN:,}"}
        )
    try:
        line = _compile(text)
        several = _for_many(text)
        many = None if several is None else _compile(several, regex.MULTILINE)
    except (
        regex.error,
        ValueError,
        OverflowError,
        RecursionError,
        MemoryError,
    ) as error:  # ValueError: flags that exclude each other
        raise BadPattern(gettext("Invalid regular expression: %(why)s.") % {"why": error}) from error
    return _Pattern(line, many, time.monotonic() + PATTERN_SECONDS, _words(text))


def _compile(text: str, flags: int = 0) -> regex.Pattern[str]:
    """The compiled expression. `regex` would cache users' input: 500 expressions, and a record of each one forever."""
    try:
        return regex.compile(text, regex.IGNORECASE | regex.VERSION0 | flags, cache_pattern=False)
    finally:
        regex.purge()


def _for_many(text: str) -> str | None:
    """The expression for a text of many lines, in which no match reaches into the next line; None if that is not
    certain."""
    if ONE_LINE.search(text):
        return None
    if "[" not in text:
        return re.sub(r"\\[sWD]", lambda found: OTHERWISE[found[0]], text)
    return None if re.search(r"\\[sWD]", text) else re.sub(r"(?<!\\)\[\^", r"[^\\n", text)


def _words(text: str) -> str:
    """The longest text that every matching line contains, as far as it is easy to find."""
    if re.search(r"[|(]|\[\^?\]", text):
        return ""
    bare = re.sub(r"\\.", "\0", text)
    bare = re.sub(r"\[[^\]]*+\]?", "\0", bare)
    bare = re.sub(r".(?:[*?]|\{[^}]*+\}?)", "\0", bare)
    return max(THEMSELVES.findall(bare), key=len, default="").lower()


def _too_slow() -> BadPattern:
    return BadPattern(gettext("This expression takes too long. Use a simpler one or plain text."))
