"""Dotted paths in a document: a key with a dot stands in quotes, so that two places never have the same path."""

from __future__ import annotations

import re

_SEGMENT = re.compile(r'"(?P<quoted>(?:[^"\\]|\\.)*+)"(?=\.|\Z)|(?P<plain>[^.]*+)', re.S)
_ESCAPED = re.compile(r"\\(.)", re.S)
_PARTS = ("---kubesphere", "---inventory", "---config")
"""Fields of a document that are not below `spec`, but separate documents of the file."""


def joined(path: str, *keys: object) -> str:
    """The path of what lies below these keys: `spec.registry.auths."docker.io".username`."""
    return ".".join([*([path] if path else []), *(segment(str(key)) for key in keys)])


def segment(key: str) -> str:
    """A key as it stands in a path."""
    if "." not in key and '"' not in key:
        return key
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


def keys_in(path: str) -> list[str]:
    """The keys of a path, from the outermost on."""
    found: list[str] = []
    place = 0
    while place <= len(path):
        match = _SEGMENT.match(path, place)
        if match is None:
            return [*found, path[place:]]
        quoted = match["quoted"]
        found.append(match["plain"] if quoted is None else _ESCAPED.sub(r"\1", quoted))
        place = match.end() + 1
    return found


def in_file(path: str, key: str) -> str:
    """The path of a field of the document in its file."""
    return key.strip("-") if path == "spec" and key in _PARTS else joined(path, key)
