"""Slips of the keyboard that YAML reads as something else: a missing space after a colon, a colon of another script.

Each is an error at its place that names the key and never its value, which may be a secret.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING

from clusters.config.finding import Finding, error
from clusters.config.secret import MASK, STAND_IN
from clusters.config.yaml.tree import Mapping, Node, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_KEY = r"([A-Za-z][A-Za-z0-9_-]{0,60})"
_GLUED = re.compile(rf"{_KEY}(:(?=[^\s/])|\uff1a)")
_LINE = re.compile(rf"^[ \t]*(?:-[ \t]+)?{_KEY}(:(?=[^\s/])|\uff1a)", re.MULTILINE)
_NEAR = 3
"""Lines between a slip and the place where the parser notices it."""
_TYPOGRAPHIC = {
    "\u201c": "\u201d\u201c",
    "\u2018": "\u2019\u2018",
    "\u201d": "\u201d",
    "\u2019": "\u2019",
    "\uff02": "\uff02",
}
"""Opening quotes of texts for people -> the quotes that close them."""


def in_key(node: Scalar, known: Collection[str], path: str) -> Finding | None:
    """The error for `port:22` or a key with a full-width colon, which YAML reads as one word."""
    # A mask in a key is reported as a lost secret.
    has_mask = MASK in node.text or STAND_IN in node.text
    match = _GLUED.match(node.text) if node.plain and not has_mask else None
    if match is None or match[1] not in known:
        return None
    return replace(_glued(match[1], match[2], f"{path}.{match[1]}"), line=node.line, column=node.column)


def _glued(key: str, colon: str, path: str) -> Finding:
    if colon == ":":
        message, found = f"A space is missing after the colon of {key}.", "no space"
    else:
        message, found = f"The colon after {key} is a full-width one, which is not a colon in YAML.", "U+FF1A"
    hint = f"Write {key}: with an ordinary colon and a space before the value."
    return error("yaml.colon", path, message, hint=hint, found=found, allowed="a colon and a space")


def explained(finding: Finding, text: str, known: Collection[str]) -> Finding:
    """The error of the parser, or the slip shortly before it that caused it."""
    if finding.id != "yaml.syntax":
        return finding
    slip: Finding | None = None
    for line, each in _slips(text, known):
        if line > finding.line:
            break
        slip = each if finding.line - line <= _NEAR else slip
    return slip or finding


def _slips(text: str, known: Collection[str]) -> Iterator[tuple[int, Finding]]:
    """The line and the error of each known key without a proper colon."""
    line, place = 1, 0
    for match in _LINE.finditer(text):
        if match[1] in known:
            line += text.count("\n", place, match.start(1))
            place = match.start(1)
            column = place - (text.rfind("\n", 0, place) + 1) + 1
            yield line, replace(_glued(match[1], match[2], ""), line=line, column=column)


def values_over_lines(text: str, nodes: Iterable[Node], known: Collection[str]) -> list[Finding]:
    """The errors for keys that YAML reads as the second line of the value before: `user: root`, then `port:22`."""
    found = list(_slips(text, known))
    if not found:
        return []
    starts, ends, last = [], [], 0
    for first, end in sorted(set(_plain_places(nodes))):
        if end > last:
            starts.append(first)
            ends.append(end)
            last = end
    lines = [0]
    for _ in range(text.count("\n")):
        lines.append(text.index("\n", lines[-1]) + 1)
    errors = []
    for line, each in found:
        place = lines[line - 1] + each.column - 1
        value = bisect_right(starts, place) - 1
        if value >= 0 and starts[value] < lines[line - 1] and place < ends[value]:
            errors.append(each)
    return errors


def _plain_places(nodes: Iterable[Node]) -> Iterator[tuple[int, int]]:
    """Where the values without quotes are in the text."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            waiting += (value for _, value in node.pairs.values())
        elif isinstance(node, Sequence):
            waiting += node.items
        elif node.plain and not node.block:
            yield node.start, node.end


def has_typographic_quotes(node: Scalar) -> bool:
    """Whether a value is in quotes that YAML does not know, so that they are part of the value."""
    text = node.text
    return node.plain and len(text) > 1 and text[-1] in _TYPOGRAPHIC.get(text[0], "")
