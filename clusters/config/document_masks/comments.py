"""Comments of a YAML text: secrets in them hidden, and put back where the same comment comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from clusters.config.document_masks.placing import Shown, secrets_of_masks
from clusters.config.secret import MASK, Secret
from clusters.config.secrets.finder import hidden_text, places, secrets_in
from clusters.config.yaml.nodes import every
from clusters.config.yaml.tree import Mapping, Scalar, read

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator


Masked = Callable[[list[str]], list[str]]
"""Lines -> the same without the secrets that are known already."""
_MARK = "\0"
"""Stands for a comment's secrets behind what is shown of it; no text of YAML has it."""
SHORTEST = 4
"""Characters: a shorter secret would be found in words of every comment."""
NOT_BY_CHANCE = 8
"""Characters: what has so many stands in a comment because somebody wrote it there, and not by chance."""


def secrets_in_comments(text: str) -> Iterator[Secret]:
    """What sounds like a secret in the comments of a text. Raises ConfigError when it is not YAML."""
    for start, end in comments_of(text):
        comment = text[start:end]
        yield from (Secret(comment[first:last]) for first, last in places(comment))


def hidden_comments(text: str, masked: Masked) -> str:
    """The text with masks for secrets in its comments. Raises ConfigError when it is not YAML."""
    if "#" not in text:
        return text
    spans = list(comments_of(text))
    return _replaced(text, spans, _hidden([text[start:end] for start, end in spans], masked))


def covered_comments(text: str, masked: Masked) -> str:
    """The text with masks for the secrets that `masked` knows in its comments, where the finder does not see them.

    Raises ConfigError when it is not YAML.
    """
    if "#" not in text:
        return text
    spans = list(comments_of(text))
    comments = [text[start:end] for start, end in spans]
    shown = [hidden_text(comment) for comment in comments]
    covered = zip(comments, masked(comments), shown, masked(shown), strict=True) if comments else ()
    return _replaced(text, spans, [mask if rest != seen else each for each, mask, seen, rest in covered])


def replaced_secrets(before: Iterable[Secret], after: Iterable[Secret], ordinary: Container[str]) -> list[Secret]:
    """Secrets that are gone and were meant as such: not an `ordinary` word, and not the beginning of another secret.

    The form saves while somebody types a password, and what is masked in a comment is masked for good.
    """
    now = {each.reveal() for each in after}
    gone = {text for each in before if (text := each.reveal()) not in now and text.lower() not in ordinary}
    return [
        Secret(text)
        for text in sorted(gone)
        if len(text) >= NOT_BY_CHANCE or not any(one.startswith(text) or text.startswith(one) for one in now)
    ]


def restored_comments(typed: str, stored: str, masked: Masked, after: Masked) -> tuple[str, list[int]]:
    """A text that was typed, with the stored comment wherever one comes back as `hidden_comments` gave it.

    And the lines, from 1, of those with a mask of which no comment is known, or with secrets that would be shown now
    according to `after`: such a text must not be stored. The lines around them distinguish comments that
    look alike.
    """
    spans = list(comments_of(typed))
    back = [typed[start:end] for start, end in spans]
    masks = [number for number, comment in enumerate(back) if MASK in comment]
    if not masks:
        return typed, []
    places = list(comments_of(stored))
    originals = [stored[start:end] for start, end in places]
    shown = _hidden(originals, masked)
    secrets = tuple(each for each, comment in zip(originals, shown, strict=True) if MASK in comment)
    before = Shown("\n".join(masked(_lines(stored, places, shown).split("\n"))), secrets)
    found = secrets_of_masks([before], [_lines(typed, spans, back)], _MARK)
    again = _hidden([str(each) for each in found], after)
    lost = []
    for number, original, hidden in zip(masks, found, again, strict=True):
        if original is None or hidden != back[number]:
            lost.append(typed.count("\n", 0, spans[number][0]) + 1)
        else:
            back[number] = str(original)
    return _replaced(typed, spans, back), lost


def _lines(text: str, spans: list[tuple[int, int]], comments: list[str]) -> str:
    """The text, with each masked comment moved to the start of its line and marked: it identifies the line best."""
    parts, place = [], 0
    for (start, end), comment in zip(spans, comments, strict=True):
        line = text.rfind("\n", 0, start) + 1
        if MASK in comment:
            parts += [text[place:line], comment, _MARK, text[line:start]]
        else:
            parts += [text[place:start], comment]
        place = end
    return "".join([*parts, text[place:]])


def without(value: Any, lines: list[str]) -> list[str]:
    """Lines without the secrets of this document, as they are."""
    return without_secrets(secrets_in(value), lines)


def without_secrets(secrets: Iterable[Secret], lines: list[str]) -> list[str]:
    """Lines without these secrets, as they are."""
    text = "\n".join(lines)
    known = [each.reveal() for each in secrets]
    for secret in sorted(known, key=len, reverse=True):
        if len(secret) >= SHORTEST and "\n" not in secret and secret in text:
            text = text.replace(secret, MASK)
    return text.split("\n")


def _hidden(comments: list[str], masked: Masked) -> list[str]:
    return masked([hidden_text(comment) for comment in comments]) if comments else []


def _replaced(text: str, spans: Iterable[tuple[int, int]], fresh: Iterable[str]) -> str:
    parts, place = [], 0
    for (start, end), comment in zip(spans, fresh, strict=True):
        parts += [text[place:start], comment]
        place = end
    return "".join([*parts, text[place:]])


def comments_of(text: str) -> Iterator[tuple[int, int]]:
    """Where the comments of a YAML text are, each from its # to the end of its line. Raises ConfigError."""
    inside = sorted(_scalars(text))
    place = number = 0
    while (start := text.find("#", place)) >= 0:
        while number < len(inside) and inside[number][1] <= start:
            number += 1
        if number < len(inside) and inside[number][0] <= start:
            place = inside[number][1]
            continue
        end = text.find("\n", start)
        place = end if end >= 0 else len(text)
        yield start, place


def _scalars(text: str) -> Iterator[tuple[int, int]]:
    for node in every(read(text)):
        if isinstance(node, Scalar):
            # Behind `|` may be a comment.
            yield text.find("\n", node.start) if node.block else node.start, node.end
        elif isinstance(node, Mapping):
            yield from ((mark.start, mark.end) for mark, _value in node.pairs.values())
