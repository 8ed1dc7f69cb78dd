"""Rules on characters: what is one line holds none that begins another, hides or turns a part of it."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any

from clusters.config.finding import error
from clusters.config.keys import Model, keys_of
from clusters.config.rules.registry import rule
from clusters.config.secret import Secret
from clusters.config.sections.system import CustomScript

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_BREAKS = "\r\n\x0b\x0c\x85\u2028\u2029"
_ENDS = ("Cc", "Zl", "Zp")
"""Controls, and Unicode's own ends of lines and paragraphs."""
_HIDES = ("Cf", "Cs")
"""Marks of direction, characters without a width, and halves of characters."""
_JOINERS = "\u200c\u200d"
"""Persian and many scripts of India need them within words, and emoji are put together with them."""
_PEOPLE_READ = ((CustomScript, "name"),)
"""What only people read, in a log. An addon's name is its Helm release's, which has letters of ASCII only."""


@rule
def one_line(document: Document) -> Iterator[Finding]:
    """A text of one line has no line break, no other control character, and no invisible one."""
    yield from _of_model(document, "spec")
    if document.kubesphere_document is not None:
        yield from _of_model(document.kubesphere_document, "kubesphere")


def _of_model(section: Model, path: str) -> Iterator[Finding]:
    values = section.__dict__
    for attribute, name, several, default in _keys(type(section)):
        value = values[attribute]
        # Nearly all of a thousand machines' texts end here, before their paths are put together.
        if not value or value is default or (type(value) is str and (several or value.isprintable())):
            continue
        # The one key of the document that stands outside of its spec.
        here = "metadata.name" if path == "spec" and name == "name" else f"{path}.{name}"
        if type(value) is str and (type(section), attribute) in _PEOPLE_READ:
            value = _without_joiners(value)
        yield from _of_value(value, name, here, several=several)


def _without_joiners(text: str) -> str:
    """A text without joiners that join: those between two characters that are visible, and not of ASCII."""
    inside = zip(" " + text, text, text[1:] + " ", strict=False)
    return "".join(
        letter
        for before, letter, after in inside
        if letter not in _JOINERS or any(each.isascii() or not each.isprintable() for each in (before, after))
    )


@cache
def _keys(model: type[Model]) -> tuple[tuple[str, str, bool, Any], ...]:
    """Attribute, key, whether its text may have several lines, and its default, of all that holds texts."""
    return tuple(
        (key.attribute, key.name, key.lines, key.default)
        for key in keys_of(model).values()
        if key.kind not in ("int", "float", "bool", "raw") and not key.name.startswith("---")
    )


def _of_value(value: Any, name: str, path: str, *, several: bool) -> Iterator[Finding]:
    if isinstance(value, str | Secret):
        text = value if isinstance(value, str) else value.reveal()
        if not several and not text.isprintable():
            # Of a password only what no login can send: a character without a width may be meant.
            yield from _found(text, name, path, _ENDS if isinstance(value, Secret) else (*_ENDS, *_HIDES))
    elif isinstance(value, Model):
        yield from _of_model(value, path)
    elif isinstance(value, tuple):
        for place, each in enumerate(value):
            yield from _of_value(each, name, f"{path}.{place}", several=several)
    elif isinstance(value, dict):
        for inner, each in value.items():
            yield from _of_value(inner, name, f"{path}.{inner}", several=False)
            yield from _of_value(each, inner, f"{path}.{inner}", several=several)


def _found(text: str, name: str, path: str, kinds: tuple[str, ...]) -> Iterator[Finding]:
    """The first of these characters in a text; what else is in it is not repeated."""
    bad = next((letter for letter in text if unicodedata.category(letter) in kinds), "")
    if not bad:
        return
    what = _called(bad)
    message = f"{_shown(name)} holds {what}, which {_does(bad)}."
    hint = "Write it on one line, with visible characters only."
    yield error("text.control", path, message, hint=hint, found=what, allowed="one line of visible characters")


def _shown(name: str) -> str:
    return name if name.isprintable() else "A name"


def _called(letter: str) -> str:
    kind = "a line break" if letter in _BREAKS else "an invisible character"
    if kind != "a line break" and unicodedata.category(letter) == "Cc":
        kind = "a tab" if letter == "\t" else "a control character"
    return f"{kind} (U+{ord(letter):04X})"


def _does(letter: str) -> str:
    if letter in _BREAKS:
        return "could begin a setting of its own in a file that a program reads as root"
    return "people do not see, and programs may read in another way"
