"""The difference between a file on a machine and what it is to be, without the secrets of either."""

from __future__ import annotations

from difflib import SequenceMatcher
from itertools import chain
from typing import TYPE_CHECKING

from clusters.config.secret import MASK
from clusters.config.secrets.finder import apart, secret_spans
from clusters.config.secrets.ordinary_words import ORDINARY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from clusters.config.secrets.patterns import Span

LINES_AROUND = 3
"""Lines that did not change, shown before and behind those that did."""
SHORTEST_ELSEWHERE = 6
"""Characters of a secret that is also masked where nothing marks it as one; shorter ones are often other words."""
MOST_ELSEWHERE = 200
"""Secrets of two files that are searched for everywhere."""


def difference(old: str, new: str) -> str:
    """Both texts as a unified diff. What is on a machine may hold secrets that the document has no longer.

    The lines are compared as they are, so that another password is a difference, and shown with masks. What is a secret
    in one place is masked in every place of both texts.
    """
    before, after = old.splitlines(), new.splitlines()
    groups = SequenceMatcher(None, before, after).get_grouped_opcodes(LINES_AROUND)
    seen, wanted = secret_spans(old), secret_spans(new)
    secrets = sorted(_secrets(old, seen) | _secrets(new, wanted))[:MOST_ELSEWHERE]
    before_spans, after_spans = (_everywhere(*each, secrets) for each in ((old, seen), (new, wanted)))
    return "\n".join(_printed(list(groups), _masked(old, before, before_spans), _masked(new, after, after_spans)))


def _secrets(text: str, spans: Sequence[Span]) -> set[str]:
    """What is in these spans, without what may stand anywhere as an ordinary word."""
    found = {text[start:end].strip() for start, end in spans}
    return {each for each in found if len(each) >= SHORTEST_ELSEWHERE and each.lower() not in ORDINARY}


def _everywhere(text: str, spans: Sequence[Span], secrets: Sequence[str]) -> list[Span]:
    """These spans and every other place of the secrets; none overlaps another."""
    return apart([*spans, *(span for each in secrets for span in _occurrences(text, each))])


def _occurrences(text: str, secret: str) -> Iterator[Span]:
    start = text.find(secret)
    while start >= 0:
        yield start, start + len(secret)
        start = text.find(secret, start + len(secret))


def _printed(
    groups: Sequence[Sequence[tuple[str, int, int, int, int]]], before: Sequence[str], after: Sequence[str]
) -> Iterator[str]:
    if groups:
        yield from ("--- now", "+++ wanted")
    for group in groups:
        first, last = group[0], group[-1]
        yield f"@@ -{_place(first[1], last[2])} +{_place(first[3], last[4])} @@"
        for tag, start, end, other, stop in group:
            if tag == "equal":
                pairs = zip(before[start:end], after[other:stop], strict=True)
                yield from (f" {_most_masked(here, there)}" for here, there in pairs)
            else:
                yield from chain((f"-{line}" for line in before[start:end]), (f"+{line}" for line in after[other:stop]))


def _most_masked(here: str, there: str) -> str:
    """One line of both texts. What is around it may make it a secret in one of them, or another part in each."""
    if here != there and MASK in here and MASK in there:
        return MASK
    return here if MASK in here else there


def _place(start: int, end: int) -> str:
    """Lines as a unified diff has them."""
    length = end - start
    return f"{start + 1}" if length == 1 else f"{start + 1 if length else start},{length}"


def _masked(text: str, lines: Sequence[str], spans: Sequence[Span]) -> list[str]:
    """The lines of a text with masks for its secrets; a secret of several lines has one in each of them."""
    parts, place = [], 0
    for start, end in spans:
        parts += [text[place:start], MASK]
        parts += [f"\n{MASK}"] * (len(text[start:end].splitlines()) - 1 + text[start:end].endswith("\n"))
        place = end
    masked = "".join([*parts, text[place:]]).splitlines()
    return masked if len(masked) == len(lines) else [MASK] * len(lines)
