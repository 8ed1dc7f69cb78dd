"""Parses YAML text into a tree with positions: no duplicate keys, limited size, and scalars as written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import yaml

from clusters.config.finding import Finding, Severity
from clusters.config.paths import joined
from clusters.config.secret import without_stand_ins
from clusters.config.yaml.parser_messages import SYNTAX
from clusters.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_NUMBER = 300
"""Characters of a number, a date or a truth value; a longer value is treated as text."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVERS = yaml.SafeLoader.yaml_implicit_resolvers
_CORE = "tag:yaml.org,2002:"


class Refused(ConfigError):
    """The text cannot be read; `finding` contains the reason and the position."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message, hint=finding.hint)
        self.finding = finding


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a text: characters, nesting levels, values after resolving aliases, and aliases.

    `entries` limits the entries of all lists together, `sections` those of them that are mappings, `keys` the keys of
    one section; 0 means no limit. `repeats`: a key may occur twice, as in other programs, and the last one has an
    effect.
    """

    characters: int
    depth: int
    values: int
    aliases: int
    entries: int = 0
    sections: int = 0
    keys: int = 0
    repeats: bool = False


DOCUMENT = Limits(
    characters=8_000_000, depth=40, values=200_000, aliases=20_000, entries=30_000, sections=10_000, keys=5_000
)
"""For `config-sample.yaml`. KubeKey's deepest files have about twelve levels; a machine has about 15 values, and
Kubernetes supports at most 5,000 machines. `load` limits a stored text to a megabyte; with stand-ins for its secrets
it is temporarily longer. Sections are machines, addons and scripts."""


@dataclass(slots=True)
class Scalar:
    """One value. `text` is as written; `tag` is its type in YAML 1.1: str, int, float, bool, null, timestamp.

    `block`: it is written as a block with `|` or `>`.
    """

    height: ClassVar[int] = 0
    line: int
    column: int
    text: str = field(repr=False)
    tag: str
    plain: bool
    end: int
    nodes: int = 1
    start: int = 0
    block: bool = False


@dataclass(slots=True)
class Sequence:
    """A list."""

    line: int
    column: int
    items: list[Node] = field(default_factory=list)
    nodes: int = 1
    start: int = 0
    end: int = 0
    flow: bool = False
    height: int = 1


@dataclass(slots=True)
class Mapping:
    """Keys and values in their order.

    `hidden` are mappings with overridden values: merged with <<, and set again here.
    """

    line: int
    column: int
    pairs: dict[str, tuple[Scalar, Node]] = field(default_factory=dict)
    hidden: list[Mapping] = field(default_factory=list)
    nodes: int = 1
    start: int = 0
    end: int = 0
    flow: bool = False
    height: int = 1


Node = Scalar | Sequence | Mapping


def refuse(id: str, message: str, *, hint: str = "", path: str = "", line: int = 0, column: int = 0) -> Refused:
    """An error finding as an exception."""
    return Refused(Finding(id, Severity.ERROR, message, hint, path, line, column))


@lru_cache(maxsize=4)
def read(text: str) -> tuple[Node, ...]:
    """All YAML documents in the text that are not empty. Raises Refused.

    Cached for a few texts, which are read once for their contents and once for edits; callers must not change a tree.
    """
    return compose(text, DOCUMENT)


def compose(text: str, limits: Limits) -> tuple[Node, ...]:
    """All YAML documents in the text that are not empty, within these limits. Raises Refused.

    The only function that calls a YAML parser.
    """
    if len(text) > limits.characters:
        raise refuse("yaml.too_large", f"The text is longer than {limits.characters:,} characters.")
    try:
        return tuple(_Composer(text, limits).documents())
    except (yaml.reader.ReaderError, UnicodeEncodeError):  # the second is for a lone surrogate
        raise _unreadable(text) from None
    except yaml.MarkedYAMLError as problem:
        raise _syntax(problem, text) from None


def tag_of(text: str) -> str:
    """The type of an unquoted text in YAML 1.1: str, int, float, bool, null, timestamp, merge, value."""
    return _tag_of(text) if len(text) <= LONGEST_NUMBER else "str"


@lru_cache(maxsize=8192)
def _tag_of(text: str) -> str:
    for tag, pattern in [*_RESOLVERS.get(text[:1], ()), *_RESOLVERS.get(None, ())]:
        if pattern.match(text):
            return str(tag).removeprefix(_CORE)
    return "str"


class _Composer:
    """Builds the tree from the parser's events, so that limits apply before anything is built."""

    def __init__(self, text: str, limits: Limits) -> None:
        self._limits = limits
        self._aliases = self._values = self._written = self._entries = self._sections = 0
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        self._anchors: dict[str, Node | None] = {}

    def documents(self) -> Iterator[Node]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
                node = self._node(next(self._events), "", 0)
                self._values += node.nodes
                self._refuse_more(self._values, "", node.line, node.column)
                if not (isinstance(node, Scalar) and node.tag == "null"):
                    yield node

    def _node(self, event: Any, path: str, depth: int) -> Node:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path, depth)
        if depth > self._limits.depth:
            raise self._too_deep(line, column)
        # Checked immediately, not when the tree is complete, because reading takes the time.
        self._written += 1
        self._refuse_more(self._written, path, line, column)
        if event.anchor:
            self._anchors[event.anchor] = None
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = _scalar(event, path, line, column)
        elif isinstance(event, yaml.SequenceStartEvent):
            started = Sequence(line, column, start=_index(event.start_mark), flow=bool(event.flow_style))
            node = self._sequence(started, path, depth)
        else:
            opened = Mapping(line, column, start=_index(event.start_mark), flow=bool(event.flow_style))
            node = self._mapping(opened, path, depth)
        self._refuse_more(node.nodes, path, line, column)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _refuse_more(self, values: int, path: str, line: int, column: int) -> None:
        if values > self._limits.values:
            message = f"The text expands to more than {self._limits.values:,} values."
            hint = "Remove what is not needed. Is it the right text?"
            raise refuse("yaml.too_many_values", message, hint=hint, path=path, line=line, column=column)

    def _too_deep(self, line: int, column: int) -> Refused:
        message = f"Values are nested more than {self._limits.depth} levels deep."
        return refuse("yaml.too_deep", message, line=line, column=column)

    def _alias(self, event: Any, path: str, depth: int) -> Node:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        self._aliases += 1
        if self._aliases > self._limits.aliases:
            message = f"The text uses aliases (*) more than {self._limits.aliases:,} times."
            raise refuse("yaml.too_many_aliases", message, path=path, line=line, column=column)
        node = self._anchors.get(event.anchor)
        if node is None:
            raise refuse(
                "yaml.alias",
                "This alias (*) refers to an unknown anchor or to itself.",
                hint="Put a value that starts with * or & in quotes.",
                path=path,
                line=line,
                column=column,
            )
        if depth + node.height > self._limits.depth:  # the target of an alias has its own nesting
            raise self._too_deep(line, column)
        return node

    def _sequence(self, node: Sequence, path: str, depth: int) -> Sequence:
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                node.end = _index(event.end_mark)
                break
            item = self._node(event, f"{path}.{len(node.items)}" if path else str(len(node.items)), depth + 1)
            node.items.append(item)
            self._count(node, item)
            node.nodes += item.nodes
            node.height = max(node.height, item.height + 1)
        return node

    def _mapping(self, node: Mapping, path: str, depth: int) -> Mapping:
        merged: list[Node] = []
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                node.end = _index(event.end_mark)
                break
            key = self._node(event, path, depth + 1)
            if not isinstance(key, Scalar):
                raise _not_a_key(key, path)
            inner = _inner_path(node, key, path, repeats=self._limits.repeats)
            value = self._node(next(self._events), inner, depth + 1)
            node.nodes += 1 + value.nodes
            node.height = max(node.height, value.height + 1)
            if key.tag == "merge":
                merged += value.items if isinstance(value, Sequence) else [value]
            else:
                if key.text in node.pairs:
                    node.hidden.append(replace(node, pairs={key.text: node.pairs[key.text]}, hidden=[]))
                node.pairs[key.text] = (key, value)
                self._refuse_keys(node)
        for other in merged:
            if not isinstance(other, Mapping):
                raise refuse("yaml.merge", "<< requires a mapping.", path=path, line=other.line, column=other.column)
            if not other.pairs.keys().isdisjoint(node.pairs) or other.hidden:
                node.hidden.append(other)
            for name, pair in other.pairs.items():
                node.pairs.setdefault(name, pair)
        self._refuse_keys(node)
        return node

    def _count(self, node: Sequence, item: Node) -> None:
        self._entries += 1
        self._sections += isinstance(item, Mapping)
        refuse_entries(node, self._entries, self._sections, self._limits)

    def _refuse_keys(self, node: Mapping) -> None:
        most = self._limits.keys
        if most and len(node.pairs) > most:
            message = f"This section has more than {most:,} keys."
            hint = "Remove the keys that are not needed. Is it the right file?"
            raise refuse("limit.keys", message, hint=hint, line=node.line, column=node.column)


def refuse_entries(node: Node, entries: int, sections: int, limits: Limits) -> None:
    """Raises Refused, at this node, when the lists have more entries than the limits allow."""
    many = limits.entries and entries > limits.entries
    if not many and not (limits.sections and sections > limits.sections):
        return
    most = f"{limits.entries:,}" if many else f"{limits.sections:,} with keys"
    message = f"All lists of the document together have more than {most} entries; this list exceeds the limit."
    hint = "Remove entries that are not needed, or split the machines into several clusters."
    raise refuse("limit.entries", message, hint=hint, line=node.line, column=node.column)


def _index(mark: Any) -> int:
    """The index of a mark in the text."""
    return int(mark.index)


def _inner_path(node: Mapping, key: Scalar, path: str, *, repeats: bool) -> str:
    inner = joined(path, key.text)
    if key.text in node.pairs and not repeats:
        first, value = node.pairs[key.text]
        cut = isinstance(value, Scalar) and value.tag == "null"  # perhaps pieces of a password with commas
        raise refuse(
            "yaml.duplicate_key",
            f"{'A key' if cut else f'The key {excerpt(key.text)}'} occurs twice here; first in line {first.line}.",
            hint="Keep one of the two: programs differ in which one they use.",
            path=path if cut else inner,
            line=key.line,
            column=key.column,
        )
    return inner


def _not_a_key(key: Node, path: str) -> Refused:
    return refuse(
        "yaml.key",
        "A key must be plain text, found a list or a mapping.",
        hint="Put a value that contains { } [ ] or starts with ? in quotes.",
        path=path,
        line=key.line,
        column=key.column,
    )


def excerpt(text: str) -> str:
    """A short text from the file for a message: quoted, cut at 60 characters."""
    text = without_stand_ins(text)
    return repr(text if len(text) <= 60 else text[:60] + "…")


def _scalar(event: Any, path: str, line: int, column: int) -> Scalar:
    plain = not event.style  # the C parser uses '', the Python one None
    tag = "str"
    if event.tag is None or event.tag == "!":
        tag = tag_of(event.value) if event.tag is None and event.implicit[0] else "str"
    elif event.tag.startswith(_CORE) and event.tag.removeprefix(_CORE) in ("str", "int", "float", "bool", "null"):
        tag = event.tag.removeprefix(_CORE)
    else:
        raise refuse(
            "yaml.tag",
            "A value starts with !, which YAML reads as an unknown type.",
            hint="Put the value in quotes.",
            path=path,
            line=line,
            column=column,
        )
    if event.anchor and not event.value and plain:
        raise refuse(
            "yaml.anchor",
            "A value starts with &, which YAML reads as an anchor, so the value is empty.",
            hint="Put the value in quotes.",
            path=path,
            line=line,
            column=column,
        )
    start, end, block = _index(event.start_mark), _index(event.end_mark), event.style in ("|", ">")
    return Scalar(line, column, event.value, tag, plain, end, start=start, block=block)


def _syntax(problem: yaml.MarkedYAMLError, text: str) -> Refused:
    mark = problem.problem_mark or problem.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    if mark is not None and text[mark.index : mark.index + 1] == "\t":
        message, hint = "There is a tab where YAML allows only spaces.", "Indent each level with two spaces."
        return refuse("yaml.tab", message, hint=hint, line=line, column=column)
    words = f"{problem.context or ''} {problem.problem or ''}"
    message, hint = next((message, hint) for part, message, hint in SYNTAX if re.search(part, words))
    return refuse("yaml.syntax", f"Invalid YAML. {message}", hint=hint, line=line, column=column)


def _unreadable(text: str) -> Refused:
    bad = next((i for i, char in enumerate(text) if yaml.reader.Reader.NON_PRINTABLE.match(char)), 0)
    before = text[:bad]
    return refuse(
        "yaml.character",
        f"The text contains an invisible control character (U+{ord(text[bad]):04X})." if text else "Not text.",
        hint="Save the file as plain UTF-8 text.",
        line=before.count("\n") + 1,
        column=bad - (before.rfind("\n") + 1) + 1,
    )
