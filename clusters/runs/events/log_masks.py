"""Masks: replaces every known secret, in every form in which it may appear in output."""

from __future__ import annotations

import re
import threading
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from clusters.config.secret import MASK, Secret
from clusters.config.secrets.finder import apart, places
from clusters.config.secrets.ordinary_words import ORDINARY
from clusters.plaintext import plain_text
from clusters.runs.events.encodings import SHORTEST_FORM, forms
from clusters.runs.events.secret_forms import KnownForms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SHORTEST_WORD = 4
"""Characters. A shorter secret is masked only after a name (`password=abc`, `//user:abc@`), to keep logs readable."""
SHORTEST_ANYWHERE = SHORTEST_FORM
"""Characters. A shorter secret is masked only as a whole word; others also inside words, and in every encoding."""
LONGEST_TAIL = 512
"""Characters at the end of a text that the next text may continue."""
FEW = 100
"""Up to this many short secrets are searched one by one; with more, each place of the text is checked once for all."""
_FOLD = re.compile(r"\n[ \t]*+")
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]++")
_BASE64 = re.compile(r"[\w+/-]++")


class Masks:
    """The known secrets of a run. Adding is safe while another thread masks.

    Time is linear in the text, for any number of secrets, even if many of them have the same beginning.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._forms = KnownForms()
        self._words: set[str] = set()
        self._beginnings: set[str] = set()
        self._behind_names: set[str] = set()
        self._lock = threading.Lock()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Secret) -> None:
        """Also mask this secret from now on."""
        text = secret.reveal()
        # Stored text of machines has no control codes, so a secret that contains one appears without it.
        for form in {text.strip(), plain_text(text).strip()} - {"", MASK}:
            with self._lock:
                self._add(form)

    def _add(self, text: str) -> None:
        if len(text) < SHORTEST_WORD or text.lower() in ORDINARY:
            self._behind_names.add(text)
        elif len(text) < SHORTEST_ANYWHERE:
            self._words.add(text)
            self._beginnings.add(text[:SHORTEST_WORD])
        fresh = {form for form in forms(text) if form not in self._forms}
        if text.lower() in ORDINARY:
            fresh = {form for form in fresh if form.lower() != text.lower()}
        plain = {line.strip() for line in text.splitlines()}
        for form in fresh:
            self._forms.add(form, _block_of(form, plain=form in plain))

    def text(self, text: str) -> str:
        """The text without any secret."""
        return self._with_masks(text, self._spans(text))

    def lines(self, lines: list[str]) -> list[str]:
        """Many lines at once, none of which contains a line break; a secret may continue in the next line."""
        return self.text("\n".join(lines)).split("\n") if lines else []

    def after(self, tail: str, lines: list[str]) -> list[str]:
        """Lines that follow `tail`, which is already stored: the rest of a secret that begins there is masked.

        The last line may end within a secret: from its first block on, it is masked there before the rest arrives.
        """
        text = "\n".join(lines)
        before = len(tail) + 1 if tail else 0
        whole = f"{tail}\n{text}" if tail else text
        spans = [(max(start, before), end) for start, end in self._spans(whole) if end > before]
        start_of_rest = self._open_end(whole)
        if start_of_rest < len(whole):
            spans = apart([*spans, (max(before, start_of_rest), len(whole))])
        return self._with_masks(text, [(start - before, end - before) for start, end in spans]).split("\n")

    def value(self, value: Any) -> Any:
        """Plain JSON data with every text in it masked."""
        # Values rarely contain a secret: one search checks all their texts, which contain no NUL.
        texts: list[str] = []
        if _collect(value, texts) and not self._spans("\0".join(texts)):
            return value
        return self._masked(value)

    def _masked(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key) if isinstance(key, str) else key: self._masked(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._masked(item) for item in value]
        return value

    def _spans(self, text: str) -> list[tuple[int, int]]:
        found = list(self._spans_of_words(text)) if self._words else []
        # Copying a set is atomic, so another thread may add to it meanwhile.
        names = self._behind_names
        if names and (len(names) > FEW or any(word in text for word in names.copy())):
            found += [
                (start, end) for start, end in places(text, in_shell=True) if text[start:end] in self._behind_names
            ]
        if self._forms:
            found += self._spans_of_forms(text)
        return apart(found)

    def _spans_of_words(self, text: str) -> Iterator[tuple[int, int]]:
        """Where whole words are. Many words are not searched one by one."""
        starts: Iterable[int]
        if len(self._words) > FEW:
            beginnings = self._beginnings
            starts = (at for at in range(len(text)) if text[at : at + SHORTEST_WORD] in beginnings)
        else:
            starts = {at for word in self._words.copy() for at in _places_of(word, text)}
        for start in starts:
            for end in range(start + SHORTEST_WORD, min(start + SHORTEST_ANYWHERE, len(text) + 1)):
                if text[start:end] in self._words and _is_apart(text, start, end):
                    yield start, end

    def _spans_of_forms(self, text: str) -> Iterator[tuple[int, int]]:
        """Where forms are, ignoring line breaks and the spaces after them: long text may be wrapped anywhere."""
        if "\n" not in text:
            yield from self._forms.places(text)
            return
        starts, ends, length = [0], [0], 0
        pieces = []
        place = 0
        for fold in _FOLD.finditer(text):
            pieces.append(text[place : fold.start()])
            length += fold.start() - place
            place = fold.end()
            ends.append(length)
            starts.append(place)
        pieces.append(text[place:])
        for start, end in self._forms.places("".join(pieces)):
            first, last = bisect_right(ends, start) - 1, bisect_right(ends, end - 1) - 1
            yield starts[first] + start - ends[first], starts[last] + end - ends[last]

    def _open_end(self, text: str) -> int:
        """Where at the end of the text a form begins that the next text may continue; the text's end without one.

        Only whole blocks are compared, and all text after them is masked: a program that prints to the log must
        not learn a secret letter by letter, by checking which beginnings are masked.
        """
        tail, places = _folded(text[-LONGEST_TAIL:])
        for start in range(len(tail) - SHORTEST_ANYWHERE + 1):
            if self._forms.begins_at_end(tail, start):
                return len(text) - len(text[-LONGEST_TAIL:]) + places[start]
        return len(text)

    def _with_masks(self, text: str, spans: list[tuple[int, int]]) -> str:
        """Masks in place of the spans; a span over several lines keeps its line breaks."""
        if not spans:
            return text
        parts, place = [], 0
        for start, end in spans:
            parts += [text[place:start], MASK, *(f"\n{MASK}" for _ in range(text.count("\n", start, end)))]
            place = end
        return "".join([*parts, text[place:]])


def _block_of(form: str, *, plain: bool) -> int:
    """Characters of a form that encode at least eight of the secret, and more where those are only digits."""
    if plain:
        return 12 if form.isdigit() else 10 if _HEXADECIMAL.fullmatch(form) else SHORTEST_ANYWHERE
    return 16 if _BASE64.fullmatch(form) else 48  # as `&#84;`, `, 0x54` or `\\x54` a character takes up to six


def _folded(text: str) -> tuple[str, list[int]]:
    """The text without its line breaks and the spaces after them, and where each of its characters was."""
    places: list[int] = []
    place = 0
    for fold in _FOLD.finditer(text):
        places += range(place, fold.start())
        place = fold.end()
    places += range(place, len(text))
    return "".join([text[each] for each in places]), places


def _places_of(word: str, text: str) -> Iterator[int]:
    start = text.find(word)
    while start >= 0:
        yield start
        start = text.find(word, start + 1)


def _is_apart(text: str, start: int, end: int) -> bool:
    """Whether no letter or digit before or after continues the word at this place."""
    before, after = text[start - 1 : start] if start else "", text[end : end + 1]
    continued = (text[start].isalnum() and _in_word(before)) or (text[end - 1].isalnum() and _in_word(after))
    return not continued


def _in_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _collect(value: Any, texts: list[str]) -> bool:
    """Collect every text in the value; false when the value must be rebuilt anyway: it is not plain JSON yet."""
    if isinstance(value, str):
        texts.append(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not _collect(item, texts):
                return False
            texts.append(key)
    elif isinstance(value, list):
        return all(_collect(item, texts) for item in value)
    return not isinstance(value, tuple | set | frozenset)
