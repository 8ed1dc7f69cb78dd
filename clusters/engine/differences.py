"""The difference between a file on a machine and what it is to be, without the secrets of either."""

from __future__ import annotations

from difflib import SequenceMatcher
from itertools import chain
from typing import TYPE_CHECKING

from clusters.config.secret import MASK
from clusters.config.secrets.finder import secret_spans
from clusters.config.secrets.ordinary_words import ORDINARY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
    secrets = _secrets(old) | _secrets(new)
    return "\n".join(_printed(list(groups), _masked(old, before, secrets), _masked(new, after, secrets)))


def _secrets(text: str) -> set[str]:
    """The secrets that the finder sees, without those that may stand anywhere as ordinary words."""
    found = {text[start:end].strip() for start, end in secret_spans(text)}
    return {each for each in found if len(each) >= SHORTEST_ELSEWHERE and each.lower() not in ORDINARY}


def _spans(text: str, secrets: set[str]) -> list[tuple[int, int]]:
    """Where secrets are: those that the finder sees there, and those known from elsewhere; none overlaps another."""
    places = [*secret_spans(text)]
    for each in sorted(secrets)[:MOST_ELSEWHERE]:
        start = text.find(each)
        while start >= 0:
            places.append((start, start + len(each)))
            start = text.find(each, start + len(each))
    merged: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


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


def _masked(text: str, lines: Sequence[str], secrets: set[str]) -> list[str]:
    """The lines of a text with masks for its secrets; a secret of several lines has one in each of them."""
    parts, place = [], 0
    for start, end in _spans(text, secrets):
        parts += [text[place:start], MASK]
        parts += [f"\n{MASK}"] * (len(text[start:end].splitlines()) - 1 + text[start:end].endswith("\n"))
        place = end
    masked = "".join([*parts, text[place:]]).splitlines()
    return masked if len(masked) == len(lines) else [MASK] * len(lines)
