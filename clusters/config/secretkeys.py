"""Which keys and texts hold secrets, in sections Slipway does not model too (addon values, scripts, misspelt keys)."""

from __future__ import annotations

import re
from typing import Any

from clusters.config.secret import MASK, Secret

_SECRET = re.compile(r"pas+w|pass(?!ive|through)|pwd|secret|token|credential|(private|api|access)[-_]?key", re.I)
_HARMLESS = re.compile(r"(path|file|name|ref|ttl|dir)s?$", re.I)
# A key begins where a word begins, and no part gives back what it took (`++`): so a text is read once, not once for
# each of its characters.
_KEY = r"(?P<key>[\w.-]++)[\"']?[ \t]*+[:=][ \t]*+"
_ASSIGNED = re.compile(rf"^(?P<start>[ \t]*+(?:- |export )?{_KEY})(?P<value>\S.*)$", re.M)
_IN_COMMENT = re.compile(rf"(?P<start>(?<![\w.-]){_KEY})(?P<value>\"[^\"]*\"|'[^']*'|[^\s,}}\]]+)")
_NAME = re.compile(r"-{0,2}[\w.-]+")
_IN_URL = re.compile(r"(://[^/\s:@]+:)[^/\s@]+@")
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S)


def is_secret_key(key: str) -> bool:
    """Whether the value below this key is to be hidden. `privateKeyPath`, `secretName` and the like are not."""
    return _SECRET.search(key) is not None and _HARMLESS.search(key) is None


def hidden_text(text: str, *, mask: bool) -> str:
    """A text without the secrets that can be told by their looks.

    These are private keys, the password in a URL, `token=x`, and in a text of several lines (a script,
    a Corefile) every `password: x`.
    """
    instead = MASK if mask else ""
    if "PRIVATE KEY-----" in text:
        text = _PEM.sub(instead, text)
    if "://" in text:
        text = _IN_URL.sub(rf"\g<1>{instead}@", text)
    if "\n" not in text:
        name, equals, value = text.partition("=")
        return f"{name}={instead}" if value and equals and _NAME.fullmatch(name) and is_secret_key(name) else text

    def hide(match: re.Match[str]) -> str:
        return f"{match['start']}{instead}" if is_secret_key(match["key"]) else match[0]

    return _ASSIGNED.sub(hide, text)


def hidden_comment(text: str) -> str:
    """A comment in which the value behind every word that sounds like a secret (`password: x`) is masked."""

    def hide(match: re.Match[str]) -> str:
        return f"{match['start']}{MASK}" if is_secret_key(match["key"]) else match[0]

    return _IN_COMMENT.sub(hide, text)


def hidden(value: Any, *, mask: bool, key: str = "") -> Any:
    """A copy of plain data with secrets masked, or left out when `mask` is false."""
    if isinstance(value, dict):
        kept = {name: hidden(inner, mask=mask, key=name) for name, inner in value.items()}
        return kept if mask else {name: inner for name, inner in kept.items() if inner is not Ellipsis}
    if isinstance(value, list | tuple) and not is_secret_key(key):
        return [hidden(inner, mask=mask) for inner in value]
    if is_secret_key(key) or isinstance(value, Secret):
        return (MASK if mask else ...) if value not in (None, "", [], ()) else value
    return hidden_text(value, mask=mask) if isinstance(value, str) else value
