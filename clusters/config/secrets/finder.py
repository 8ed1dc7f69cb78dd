"""Where secrets are: the one finder, for any tree and any text, of editor, exports, masks of logs and bundles.

It finds what is a `Secret`, what lies under a name that sounds like a secret, and what stands in texts (arguments,
scripts, values of addons, comments, kubeconfigs). `names` knows names, `patterns` what is known by its looks, `formats`
files and languages with a special syntax, `commands` command lines (`shell_commands` takes them apart, `programs`
names programs and their options, `arguments` knows places of words), `shell_variables` arrays and defaults, `dialogs`
prompts, `sentences` comments; `texts` brings them together for a text, `walk` for data.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from clusters.config.secret import MASK, Secret
from clusters.config.secrets.names import is_open_value, is_secret_key
from clusters.config.secrets.patterns import decoded
from clusters.config.secrets.texts import apart, places, places_in_value
from clusters.config.secrets.walk import LEFT_OUT, renamed, walked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from clusters.config.secrets.patterns import Span
    from clusters.config.secrets.walk import Leaf, Spans

_MAYBE = re.compile(r"[\s:=@\"|]|.{15}")
"""Most values are short words, in which there is nothing to find."""
DEEPEST_CODE = 3
"""Base64 in Base64 that is looked through for secrets."""


def hidden_text(text: str, *, mask: bool = True, in_shell: bool = False) -> str:
    """A text without the secrets in it: masked, or left out when `mask` is false."""
    return _with(text, places(text, in_shell=in_shell), lambda _: MASK if mask else "")


def hidden(value: Any, *, mask: bool, key: str = "") -> Any:
    """A copy of plain data with secrets masked, or left out when `mask` is false.

    `key` is what the data is called; `LEFT_OUT` when nothing of it is left.
    """
    return walked(value, _leaf((lambda _: MASK) if mask else None), key)


def hidden_names(names: Iterable[str], *, mask: bool) -> dict[str, str]:
    """Those names of a mapping that contain a login, without its secrets."""
    return renamed(names, _leaf((lambda _: MASK) if mask else None))


def replaced(value: Any, instead: Callable[[str], str]) -> Any:
    """The same document, section or plain data with another text in place of each secret."""
    return walked(value, _leaf(instead))


def secrets_in(value: Any) -> Iterator[Secret]:
    """Every secret of a document, of a section of one, of plain data, or of a text; once each, in their order.

    Also what a secret stands for: `a` of `Zm9vOmE=`, which is `foo:a` in Base64, and of the `%61` in a URL.
    """
    found: dict[str, None] = {}

    def take(text: str) -> str:
        found[text] = None
        return text

    walked(value, _leaf(take))
    inner = [each for text in found for each in _within(text, DEEPEST_CODE)]
    yield from map(Secret, dict.fromkeys([*found, *inner]))


def _within(text: str, depth: int) -> Iterator[str]:
    # A value of Helm's (`adminPassword=x`) is a secret as a whole, and so is what stands in it.
    if "=" in text or ":" in text:
        yield from (text[start:end] for start, end in places_in_value(text))
    if "%" in text and unquote(text) != text:
        yield unquote(text)
    plain = decoded(text) if depth else ""
    if len(plain) < 4:
        return
    yield plain
    if "\n" not in plain and plain.count(":") == 1:
        yield plain.partition(":")[2]
    for start, end in places_in_value(plain):
        yield plain[start:end]
        yield from _within(plain[start:end], depth - 1)


def _leaf(instead: Callable[[str], str] | None) -> Leaf:
    """What becomes of a single value: its secrets are replaced, or left out when there is nothing instead."""

    def leaf(value: Any, key: str, more: Spans) -> Any:
        if isinstance(value, Secret):
            return value if not value else Secret(instead(value.reveal())) if instead is not None else LEFT_OUT
        if not isinstance(value, str):
            if is_open_value(key, str(value)):
                return value
            return instead(str(value)) if instead is not None else LEFT_OUT
        if is_secret_key(key):
            if is_open_value(key, value):
                return value
            return instead(value) if instead is not None else LEFT_OUT
        spans = secret_spans(value, key, more)
        return type(value)(_with(value, spans, instead or (lambda _: ""))) if spans else value

    return leaf


def secret_spans(value: str, key: str = "", more: Spans = ()) -> list[Span]:
    """Where secrets stand in the value of a key; `more` are those that its neighbors reveal."""
    found = places_in_value(value, key) if _MAYBE.search(value) is not None else []
    return apart([*found, *more]) if more else found


def _with(text: str, spans: list[Span], instead: Callable[[str], str]) -> str:
    parts, place = [], 0
    for start, end in spans:
        parts += [text[place:start], instead(text[start:end])]
        place = end
    return "".join([*parts, text[place:]])


__all__ = [
    "LEFT_OUT",
    "apart",
    "hidden",
    "hidden_names",
    "hidden_text",
    "places",
    "replaced",
    "secret_spans",
    "secrets_in",
]
