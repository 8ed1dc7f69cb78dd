"""Masks what findings quote: no message, hint or value of one shows a secret of the document that it is about."""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from clusters.config.keys import keys_of
from clusters.config.paths import joined, keys_in
from clusters.config.secret import MASK, Secret, without_stand_ins
from clusters.config.secrets.finder import apart, secret_spans
from clusters.config.secrets.names import is_open_value, is_secret_key
from clusters.config.secrets.ordinary_words import ORDINARY
from clusters.config.secrets.walk import walked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from clusters.config.finding import Finding
    from clusters.config.secrets.patterns import Span
    from clusters.config.secrets.walk import Spans

SHORTEST = 4
"""Letters and digits. A shorter secret is masked only within the value that it stands in: no sentence would be left."""
SHORTEST_ANYWHERE = 8
"""Letters and digits. A shorter secret is masked where it is a word."""
BLOCK = 32
"""Characters. Of a longer secret each part of so many is compared."""
CUT = "…"
"""Ends what a message quotes of a longer value."""
# No quote behind a backslash begins one: a text is read once.
_QUOTED = re.compile(r"(?<![\w'\\])'(?:[^'\\]|\\.)*+'(?!\w)|(?<![\w\"\\])\"(?:[^\"\\]|\\.)*+\"(?!\w)", re.S)
_LONGEST_QUOTED = 10_000


def without_secrets_in(findings: Iterable[Finding], value: Any) -> tuple[Finding, ...]:
    """The same findings, which quote no secret of this document (or plain data), neither in texts nor in the path."""
    found = tuple(findings)
    if not found:
        return found
    masks = _Masks(value)
    return tuple(_masked(each, masks) for each in found)


def with_texts(finding: Finding, change: Callable[[str], str]) -> Finding:
    """A finding with every text of it changed that people read."""
    message, hint = change(finding.message), change(finding.hint)
    return replace(finding, message=message, hint=hint, found=change(finding.found), allowed=change(finding.allowed))


def _masked(finding: Finding, masks: _Masks) -> Finding:
    keys = keys_in(finding.path)
    key = next((part for part in reversed(keys) if not part.isdigit()), "")
    found = with_texts(finding, lambda text: masks.text(text, key))
    shown = [masks.key(each) for each in keys]
    return found if shown == keys else replace(found, path=joined("", *shown))


def names_freely(path: str) -> bool:
    """Whether a path contains a key that no schema gives, but a person chose."""
    return any(not each.isdigit() and each not in words_of_schema() for each in keys_in(path))


@cache
def words_of_schema() -> frozenset[str]:
    """Every key of the document's schema."""
    from clusters.config.schema import Document

    found, waiting = {"metadata", "spec", "inventory", "config", "data", "status"}, list[type[Any]]([Document])
    seen: set[type[Any]] = set()
    while waiting:
        model = waiting.pop()
        if model not in seen:
            seen.add(model)
            keys = keys_of(model).values()  # type: ignore[arg-type] # mypy does not take a class as hashable
            found |= {key.name for key in keys}
            waiting += [key.inner for key in keys if key.inner is not None]
    return frozenset(found)


class _Sought:
    """Finds texts in another one, in time in proportion to that. Of a long one its blocks are found, which overlap."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = {block for text in texts for block in _blocks(text)}
        self._lengths: dict[str, set[int]] = {}
        for text in self._texts:
            self._lengths.setdefault(text[:SHORTEST], set()).add(len(text))

    def places(self, text: str) -> Iterator[Span]:
        """Where they stand."""
        if not self._texts:
            return
        for start in range(len(text)):
            for length in self._lengths.get(text[start : start + SHORTEST], ()):
                end = start + length
                if end <= len(text) and text[start:end] in self._texts:
                    yield start, end


def _blocks(text: str) -> Iterator[str]:
    if len(text) <= BLOCK:
        yield text
        return
    yield from (text[start : start + BLOCK] for start in range(0, len(text) - BLOCK, BLOCK - 1))
    yield text[-BLOCK:]


class _Masks:
    """The secrets of a document as they may turn up in sentences.

    Rules quote a value as it is, escaped, cut, in lower case, as one of its parts, or as a name made of it. So values
    are compared in quotes first, and then secrets by their letters and digits alone. A secret that is an ordinary word
    (`node`) is compared in quotes only: masked elsewhere, it would hide Slipway's own words and be given away by them.
    """

    def __init__(self, value: Any) -> None:
        self._values: dict[str, list[Span]] = {}
        self._known: dict[tuple[str, str], str] = {}
        walked(value, self._leaf)
        self._all = "\0".join(self._values)
        self._starts: list[tuple[int, str]] = []
        place = 0
        for text in self._values:
            self._starts.append((place, text))
            place += len(text) + 1
        secrets = {text[start:end] for text, spans in self._values.items() for start, end in spans}
        meant = {text for text in secrets if text.lower() not in ORDINARY}
        forms = {_squashed(form)[0] for text in meant for form in (text, repr(text)[1:-1], _in_ascii(text))}
        self._ordered = sorted(form for form in forms if len(form) >= SHORTEST)
        self._forms = _Sought(self._ordered)
        signs = {text for text in secrets if len(text) >= SHORTEST and len(_squashed(text)[0]) < SHORTEST}
        self._signs = _Sought(signs | {repr(text)[1:-1] for text in signs})

    def text(self, text: str, key: str) -> str:
        """A sentence about the value of this key without secrets; that of thousands of findings is masked once."""
        if text and (text, key) not in self._known:
            self._known[text, key] = self._masked(text, key)
        return self._known[text, key] if text else ""

    def _masked(self, text: str, key: str) -> str:
        text = without_stand_ins(text)
        if text in self._values:
            return _with_masks(text, self._values[text])
        text = _QUOTED.sub(lambda match: self._quoted(match[0], key), text)
        return _with_masks(text, apart(self._spans(text)))

    def key(self, key: str) -> str:
        """A key of a path without secrets; words of the schema and ordinary words are known to everybody."""
        if key.isdigit() or key.lower() in ORDINARY or key in words_of_schema():
            return key
        plain = without_stand_ins(key)
        return _with_masks(plain, self._values.get(plain) or apart([*secret_spans(plain), *self._spans(plain)]))

    def _leaf(self, value: Any, key: str, more: Spans) -> Any:
        # What is a `Secret` is quoted by no rule, and would cost most of the time.
        if isinstance(value, Secret):
            return value
        text = str(value)
        if is_secret_key(key):
            spans = [] if is_open_value(key, text) or not text else [(0, len(text))]
        else:
            spans = secret_spans(text, key, more) if isinstance(value, str) else []
        if spans:
            self._values[text] = apart([*self._values.get(text, ()), *spans])
        return value

    def _quoted(self, quoted: str, key: str) -> str:
        """A value in quotes: as it is in the document, as a part of a value of it, or by what the finder sees in it."""
        plain = _plain(quoted)
        spans = self._values.get(plain) or self._of_part(plain.removesuffix(CUT))
        # A finding about a key names it.
        spans = spans or _seen(plain, "" if plain == key else key)
        return repr(_with_masks(plain, spans)) if spans else quoted

    def _of_part(self, part: str) -> list[Span]:
        at = self._all.find(part) if len(part) >= SHORTEST else -1
        if at < 0:
            return []
        place, text = self._starts[bisect_left(self._starts, (at + 1, "")) - 1]
        first = at - place
        inside = ((max(start, first), min(end, first + len(part))) for start, end in self._values[text])
        return [(start - first, end - first) for start, end in inside if start < end]

    def _spans(self, text: str) -> Iterator[Span]:
        yield from self._signs.places(text)
        if not self._ordered:
            return
        letters, at = _squashed(text)
        for start, end in self._forms.places(letters):
            if end - start >= SHORTEST_ANYWHERE or _is_apart(text, at[start], at[end - 1] + 1):
                yield at[start], at[end - 1] + 1
        cut = text.find(CUT)
        while cut >= 0:
            yield from self._cut_off(text, cut)
            cut = text.find(CUT, cut + 1)

    def _cut_off(self, text: str, cut: int) -> Iterator[Span]:
        """A secret that begins before the place where a value was cut."""
        letters, at = _squashed(text[max(0, cut - 80) : cut])
        for start in range(len(letters) - 1):
            place = bisect_left(self._ordered, letters[start:])
            if place < len(self._ordered) and self._ordered[place].startswith(letters[start:]):
                yield max(0, cut - 80) + at[start], cut
                return


def _plain(quoted: str) -> str:
    """What `repr` made a text of."""
    if len(quoted) > _LONGEST_QUOTED:
        return quoted[1:-1]
    try:
        return str(ast.literal_eval(quoted))
    except (SyntaxError, ValueError):
        return quoted[1:-1]


def _seen(text: str, key: str) -> list[Span]:
    if is_secret_key(key):
        return [] if is_open_value(key, text) or not text else [(0, len(text))]
    return secret_spans(text, key)


def _squashed(text: str) -> tuple[str, list[int]]:
    """Letters and digits of a text in lower case, and where each stands in it."""
    at = [place for place, each in enumerate(text) if each.isalnum()]
    return "".join(text[place].lower()[:1] for place in at), at


def _in_ascii(text: str) -> str:
    return text.encode("ascii", "ignore").decode()


def _is_apart(text: str, start: int, end: int) -> bool:
    return not text[max(0, start - 1) : start].isalnum() and not text[end : end + 1].isalnum()


def _with_masks(text: str, spans: list[Span]) -> str:
    parts, place = [], 0
    for start, end in spans:
        parts += [text[place:start], MASK]
        place = end
    return "".join([*parts, text[place:]])
