"""Rules on characters: a one-line text contains no line breaks and no invisible or direction-changing characters."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

from clusters.config.finding import error
from clusters.config.keys import Model, keys_of
from clusters.config.paths import joined
from clusters.config.rules.registry import rule
from clusters.config.secret import Secret
from clusters.config.sections.system import CustomScript

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_BREAKS = "\r\n\x0b\x0c\x85\u2028\u2029"
_ENDS = ("Cc", "Zl", "Zp")
"""Control characters, and Unicode line and paragraph separators."""
_HIDES = ("Cf", "Cs")
"""Direction marks, zero-width characters, and surrogates."""
_JOINERS = "\u200c\u200d"
"""Persian and many Indian scripts need them within words, and emoji sequences use them."""
_PEOPLE_READ = ((CustomScript, "name"),)
"""Texts that only people read, in a log. An addon's name is that of its Helm release, which is ASCII only."""


@rule
def one_line(document: Document) -> Iterator[Finding]:
    """A one-line text contains no line break, no other control character and no invisible character."""
    yield from _of_model(document, "spec")
    if document.kubesphere_document is not None:
        yield from _of_model(document.kubesphere_document, "kubesphere")


def _of_model(section: Model, path: str) -> Iterator[Finding]:
    values = section.__dict__
    for attribute, name, several, default in _keys(type(section)):
        value = values[attribute]
        # Fast path for nearly all texts of a thousand machines, before their paths are built.
        if not value or value is default or (type(value) is str and (several or value.isprintable())):
            continue
        # The only key of the document outside spec.
        here = "metadata.name" if path == "spec" and name == "name" else f"{path}.{name}"
        if type(value) is str and (type(section), attribute) in _PEOPLE_READ:
            value = _without_joiners(value)
        yield from _of_value(value, name, here, several=several)


def _without_joiners(text: str) -> str:
    """The text without legitimate joiners: those between two visible characters outside ASCII."""
    inside = zip(" " + text, text, text[1:] + " ", strict=False)
    return "".join(
        letter
        for before, letter, after in inside
        if letter not in _JOINERS or any(each.isascii() or not each.isprintable() for each in (before, after))
    )


@cache
def _keys(model: type[Model]) -> tuple[tuple[str, str, bool, Any], ...]:
    """Attribute, key, whether its text may have several lines, and default, of every key that contains text."""
    return tuple(
        (key.attribute, key.name, key.lines, key.default)
        for key in keys_of(model).values()
        if key.kind not in ("int", "float", "bool", "raw") and not key.name.startswith("---")
    )


def _of_value(value: Any, name: str, path: str, *, several: bool) -> Iterator[Finding]:
    if isinstance(value, str | Secret):
        text = value if isinstance(value, str) else value.reveal()
        if not several and not text.isprintable():
            # In a password, only characters that no login can send: a zero-width character may be intended.
            yield from _found(text, name, path, _ENDS if isinstance(value, Secret) else (*_ENDS, *_HIDES))
    elif isinstance(value, Model):
        yield from _of_model(value, path)
    elif isinstance(value, tuple):
        for place, each in enumerate(value):
            yield from _of_value(each, name, f"{path}.{place}", several=several)
    elif isinstance(value, dict):
        for inner, each in value.items():
            yield from _of_value(inner, name, joined(path, inner), several=False)
            yield from _of_value(each, inner, joined(path, inner), several=several)


def _found(text: str, name: str, path: str, kinds: tuple[str, ...]) -> Iterator[Finding]:
    """The first of these characters in a text; the message does not repeat the rest of the text."""
    bad = next((letter for letter in text if unicodedata.category(letter) in kinds), "")
    if not bad:
        return
    what = _called(bad)
    message = f"{_display_name(name)} contains {what}, which {_does(bad)}."
    hint = "Write it on one line, with visible characters only."
    yield error("text.control", path, message, hint=hint, found=what, allowed="one line of visible characters")


def _display_name(name: str) -> str:
    return name if name.isprintable() else "A name"


def _called(letter: str) -> str:
    kind = "a line break" if letter in _BREAKS else "an invisible character"
    if kind != "a line break" and unicodedata.category(letter) == "Cc":
        kind = "a tab" if letter == "\t" else "a control character"
    return f"{kind} (U+{ord(letter):04X})"


def _does(letter: str) -> str:
    if letter in _BREAKS:
        return "could start an additional setting in a file that a program reads as root"
    return "is invisible to people, and programs may interpret it differently"
