"""Masks the secrets of a document in its text and leaves every other character alone; takes such a text back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from clusters.config.dialects.file_parts import skipped
from clusters.config.document_masks.pairing import parts_of
from clusters.config.document_masks.placing import Shown, secrets_of_masks
from clusters.config.document_masks.unmask import as_shown, spans_of
from clusters.config.load import WITH_STAND_INS, load
from clusters.config.paths import in_file
from clusters.config.secret import STAND_IN, Secret
from clusters.config.secrets.texts import Placed, apart, placed
from clusters.config.secrets.walk import walked
from clusters.config.yaml.emit import quoted
from clusters.config.yaml.nodes import overridden
from clusters.config.yaml.tree import Mapping, Refused, Scalar, Sequence, read
from clusters.config.yaml.written import inner_span, is_block, place_of, written_spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from clusters.config.load import Loaded
    from clusters.config.schema import Document
    from clusters.config.secrets.patterns import Span
    from clusters.config.secrets.walk import Spans
    from clusters.config.yaml.tree import Node


_HELD = ("spec", "kubesphere", "inventory", "config")
"""How the paths begin of what a document holds."""


class CannotMask(Exception):
    """A secret of the document is not found in the text as one value, or not as it is written there."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What is written at the place of a mask. `quoted`: the mask has quotes around it that are not in the text."""

    written: str = field(repr=False)
    quoted: bool = False
    number: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class MaskedText:
    """A text as it is shown, with a stand-in for each mask; and what is written there, None where that is not known."""

    original: str = field(repr=False)
    text: str = field(repr=False)
    pieces: tuple[Piece, ...] | None = field(default=None, repr=False)

    def unmasked(self, typed: str) -> str:
        """The typed text, with what the original has in place of each stand-in that was found again.

        Stand-ins are matched by the lines around them, which is a guess: `with_secrets` decides, and the caller writes
        its document into this text. No secret is put where the editor would show it: such a place keeps its stand-in.
        """
        if typed == self.text:
            return self.original
        if self.pieces is None:
            return typed
        found = secrets_of_masks([Shown(self.text, self.pieces)], [typed], STAND_IN)
        pieces = _without_gaps(found, self.pieces)
        for _turn in range(2):
            text, spans = _filled(typed, pieces)
            visible = _not_masked(text, spans)
            if not visible:
                return text
            pieces = [None if number in visible else piece for number, piece in enumerate(pieces)]
        return typed

    def lost(self, typed: str, text: str) -> list[int]:
        """The lines of the typed text, from 1, whose masks are still in `text` and not in its document.

        `with_secrets` reports those in the document. Dots that are stored as such do not count.
        """
        if STAND_IN not in text:
            return []
        left, before, places = (_left_outside(each) for each in (text, self.original, typed))
        lost = [path for path, each in left.items() if path not in before or before[path].text != each.text]
        return sorted(places[path].line for path in lost if path in places)


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    quoted: bool = False


def masked_text(text: str, document: Document) -> MaskedText | None:
    """The text with a stand-in for every secret of its document, the aliases of one value as one.

    A value that cannot be masked as it is written stands in quotes on one line there; nothing else changes for it. The
    result was read again: it is the same document with its secrets hidden. None when there is no such text.
    """
    visible = as_shown(document)
    masked = _masked(text, document, visible)
    if masked is None and (plainer := _in_quotes(text, document, visible)) != text:
        masked = _masked(plainer, document, visible)
    return replace(masked, original=text) if masked is not None else None


def _masked(text: str, document: Document, visible: Any) -> MaskedText | None:
    try:
        masked = _with_edits(text, _edits(text, document, visible))
    except (CannotMask, Refused):
        return None
    again = load(masked.text, limit=WITH_STAND_INS).document
    return masked if again is not None and _is_as_shown(document, visible, again) else None


def _in_quotes(text: str, document: Document, visible: Any) -> str:
    """The text with quotes around the values of which it is not known where their secrets are written."""
    try:
        secrets = [*_secrets(text, load(text, limit=WITH_STAND_INS), document, visible)]
    except (CannotMask, Refused):
        return text
    parts, place = [], 0
    for scalar, spans in sorted(secrets, key=lambda each: each[0].start):
        start, end = place_of(text, scalar)
        try:
            [*_edits_of(text, scalar, spans)]
        except CannotMask:
            head = text[start:end].partition("\n")[0].rstrip("\r")
            comment = head[head.find(" #") :] if is_block(text[start:end]) and " #" in head else ""
            parts += [text[place:start], quoted(scalar.text), comment]
            place = end
    return "".join([*parts, text[place:]])


def secrets_beside(text: str) -> Iterator[Secret]:
    """Secrets in a text that its document does not hold. Raises Refused."""
    tree = read(text)
    for scalar, spans in _outside(tree, _Nodes(tree).held(load(text, limit=WITH_STAND_INS))):
        yield from (Secret(scalar.text[start:end]) for start, end in spans)


def _edits(text: str, document: Document, visible: Any) -> list[_Edit]:
    """Which spans of the text are secret, in order. Raises CannotMask and Refused."""
    loaded = load(text, limit=WITH_STAND_INS)
    if loaded.document is not document and loaded.document != document:
        raise CannotMask
    secrets = _secrets(text, loaded, document, visible)
    edits = [edit for scalar, spans in secrets for edit in _edits_of(text, scalar, spans)]
    return sorted(edits, key=lambda edit: edit.start)


def _secrets(text: str, loaded: Loaded, document: Document, visible: Any) -> Iterable[tuple[Scalar, list[Span]]]:
    """The values of the text that are secret, with the parts of each: once, however many aliases refer to it."""
    tree = read(text)
    nodes = _Nodes(tree)
    found: dict[int, tuple[Scalar, list[Span]]] = {}
    for path, original, part, is_name in _hidden_leaves(document, visible):
        place = loaded.positions.get(path)
        scalar = nodes.named(place, original) if is_name else nodes.at(place)
        spans = _spans_in(scalar, _text(original), part)
        _scalar, known = found.get(id(scalar), (scalar, []))
        found[id(scalar)] = (scalar, apart([*known, *spans]))
    for scalar, spans in _outside(tree, nodes.held(loaded)):
        found.setdefault(id(scalar), (scalar, spans))
    return found.values()


def _outside(tree: tuple[Node, ...], held: set[int]) -> Iterator[tuple[Scalar, list[Span]]]:
    """Secrets of what a document does not hold, such as a section that only aliases use: as in any YAML."""
    found: list[tuple[Scalar, list[Span]]] = []

    def leaf(value: Any, key: str, more: Spans) -> Any:
        if isinstance(value, Placed) and id(value.scalar) not in held:
            spans = spans_of(value, str(value), key, more)
            found.extend([(value.scalar, spans)] if spans else [])
        return value

    for each in _beside(tree):
        walked(each, leaf)
    yield from found


def _beside(tree: tuple[Node, ...]) -> Iterator[Any]:
    """What stands beside `spec`, all of documents that are skipped, and what does not count anywhere, as plain data."""
    known: dict[int, Any] = {}
    whole = {id(each) for each in skipped(tree)}
    for node in tree:
        if isinstance(node, Mapping):
            hidden = "" if id(node) in whole else "spec"
            yield {key: placed(value, known) for key, (_mark, value) in node.pairs.items() if key != hidden}
    yield from (placed(each, known) for each in overridden(tree))


class _Nodes:
    """The values of a text by the place of their key, and those of lists by their own."""

    def __init__(self, tree: Iterable[Node]) -> None:
        self._nodes: dict[tuple[int, int], Node] = {}
        self._names: dict[tuple[int, int], Scalar] = {}
        waiting = list(tree)
        seen: set[int] = set()
        while waiting:
            node = waiting.pop()
            # An alias is the same node again.
            if id(node) in seen or isinstance(node, Scalar):
                continue
            seen.add(id(node))
            if isinstance(node, Sequence):
                self._nodes |= {(each.line, each.column): each for each in node.items if isinstance(each, Scalar)}
                waiting += node.items
            elif isinstance(node, Mapping):
                for mark, value in node.pairs.values():
                    self._nodes[mark.line, mark.column] = value
                    self._names[mark.line, mark.column] = mark
                    waiting.append(value)

    def held(self, loaded: Loaded) -> set[int]:
        """Which of them the document holds."""
        places = [place for path, place in loaded.positions.items() if path.partition(".")[0] in _HELD]
        return {id(nodes.get(place)) for nodes in (self._nodes, self._names) for place in places}

    def at(self, place: tuple[int, int] | None) -> Scalar:
        """The single value there. Raises CannotMask."""
        node = self._nodes.get(place) if place is not None else None
        if not isinstance(node, Scalar):
            raise CannotMask
        return node

    def named(self, place: tuple[int, int] | None, name: str) -> Scalar:
        """The key there; in KubeKey 4's files, some names are values. Raises CannotMask."""
        key = self._names.get(place) if place is not None else None
        found = key if key is not None and key.text == name else self.at(place)
        if found.text != name:
            raise CannotMask
        return found


def _hidden_leaves(document: Document, visible: Any) -> Iterator[tuple[str, Any, Shown, bool]]:
    """The values and names in which something is hidden: path, value, how it is shown, and whether it is a name."""
    yield from _leaves(document, visible, "spec")


def _leaves(original: Any, visible: Any, path: str) -> Iterator[tuple[str, Any, Shown, bool]]:
    if isinstance(visible, Shown):
        yield path, original, visible, False
    elif visible is not original:
        for (key, old), (name, new) in zip(_inner(original), _inner(visible), strict=True):
            inner = in_file(path, str(key))
            if isinstance(name, Shown):
                yield inner, key, name, True
            yield from _leaves(old, new, inner)


def _inner(value: Any) -> Iterable[tuple[Any, Any]]:
    return parts_of(value) if isinstance(value, dict | BaseModel) else enumerate(value)


def _spans_in(scalar: Scalar, value: str, visible: Shown) -> list[Span]:
    """Which parts of a value of the text are secret. Raises CannotMask when the document has it in another shape."""
    if visible.text == STAND_IN:
        return [(0, len(scalar.text))]
    # An argument `name=value` may be written as a key and a value, or with dashes, which the document leaves out.
    before = len(value) - len(scalar.text)
    spans, place = [], 0
    open_parts = visible.text.split(STAND_IN)
    for part, secret in zip(open_parts, visible.secrets, strict=False):
        start = place + len(part)
        place = start + len(_text(secret))
        spans.append((start - before, place - before))
    is_same = value.endswith(scalar.text) or (scalar.text.endswith(value) and not scalar.text[:-before].strip("-"))
    if not is_same or spans[0][0] < 0:
        raise CannotMask
    return spans


def _text(value: Any) -> str:
    return value.reveal() if isinstance(value, Secret) else str(value)


def _edits_of(text: str, scalar: Scalar, spans: list[Span]) -> Iterator[_Edit]:
    start, end = place_of(text, scalar)
    raw = text[start:end]
    if spans == [(0, len(scalar.text))]:
        # Within the quotes, or with its own quotes: what is typed there may need them.
        first, last = inner_span(raw)
        quoted = raw[:1] in ('"', "'")
        found = [_Edit(start + first, start + last) if quoted else _Edit(start, end, quoted=True)]
    else:
        written = written_spans(raw, scalar.text, spans)
        if written is None:
            raise CannotMask
        found = [_Edit(start + first, start + last) for first, last in written]
    # Dots that are stored as such are shown as they are.
    yield from (edit for edit in found if text[edit.start : edit.end] != STAND_IN)


def _with_edits(text: str, edits: list[_Edit]) -> MaskedText:
    parts: list[str] = []
    pieces: list[Piece] = []
    place = 0
    for edit in [*edits, _Edit(len(text), len(text))]:
        if edit.start < place:
            raise CannotMask
        between = text[place : edit.start]
        parts += [between, f'"{STAND_IN}"' if edit.quoted else STAND_IN]
        pieces += [Piece(STAND_IN, number=len(pieces) + more) for more in range(between.count(STAND_IN))]
        pieces.append(Piece(text[edit.start : edit.end], edit.quoted, len(pieces)))
        place = edit.end
    return MaskedText(text, "".join(parts[:-1]), tuple(pieces[:-1]))


def _is_as_shown(original: Any, visible: Any, again: Any) -> bool:
    """Whether what was read again is the document as it is shown, whatever type a hidden value has then."""
    if isinstance(visible, Shown):
        return _text(again) == visible.text
    if visible is original:
        return bool(again == original)
    if type(again) is not type(original):
        return False
    parts, other = list(_inner(visible)), list(_inner(again))
    if [str(key) for key, _value in parts] != [str(key) for key, _value in other]:
        return False
    return all(
        _is_as_shown(old, new, found)
        for (_key, old), (_same, new), (_again, found) in zip(_inner(original), parts, other, strict=True)
    )


def _without_gaps(found: list[Any], pieces: tuple[Piece, ...]) -> list[Piece | None]:
    """The pieces that were found; of others between two of those, as many as there were, each by its turn."""
    filled: list[Piece | None] = list(found)
    last, place = -1, 0
    while place < len(filled):
        stop = place
        while stop < len(filled) and filled[stop] is None:
            stop += 1
        piece = filled[stop] if stop < len(filled) else None
        following = piece.number if piece is not None else len(pieces)
        if following - last - 1 == stop - place:
            filled[place:stop] = pieces[last + 1 : following]
        last, place = following, stop + 1
    return filled


def _filled(typed: str, pieces: list[Piece | None]) -> tuple[str, list[Span]]:
    """The text with pieces in place of its stand-ins, and where each of those is then."""
    first, *rest = typed.split(STAND_IN)
    parts, spans, place = [first], [], len(first)
    for piece, part in zip(pieces, rest, strict=True):
        before, following = parts[-1], part
        written = STAND_IN if piece is None else piece.written
        if piece is not None and piece.quoted and before[-1:] in ("'", '"') and following[:1] == before[-1:]:
            parts[-1], following, place = before[:-1], following[1:], place - 1
        parts += [written, following]
        spans.append((place, place + len(written)))
        place += len(written) + len(following)
    return "".join(parts), spans


def _not_masked(text: str, spans: list[Span]) -> set[int]:
    """The numbers of the spans that would not be hidden when the text is shown; all of them when it cannot be."""
    document = load(text, limit=WITH_STAND_INS).document
    hidden: list[_Edit] = []
    try:
        hidden = _edits(text, document, as_shown(document)) if document is not None else []
    except (CannotMask, Refused):
        hidden = []
    rest, last = iter(hidden), _Edit(0, 0)
    visible: set[int] = set()
    for number, (start, end) in enumerate(spans):
        while last.end < end:
            last = next(rest, _Edit(end, end))
        if last.start > start and text[start:end] != STAND_IN:
            visible.add(number)
    return visible


def _left_outside(text: str) -> dict[tuple[object, ...], Scalar]:
    """Values and names with stand-ins in what the document does not hold, by the keys above them."""
    loaded = load(text, limit=WITH_STAND_INS)
    if loaded.document is None:
        return {}
    tree = read(text)
    held, found = _Nodes(tree).held(loaded), dict[tuple[object, ...], Scalar]()
    waiting: list[tuple[tuple[object, ...], Any]] = [((number,), each) for number, each in enumerate(_beside(tree))]
    seen: set[int] = set()
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Placed) and STAND_IN in value and id(value.scalar) not in held:
            found[path] = value.scalar
        elif isinstance(value, dict | list) and id(value) not in seen:
            seen.add(id(value))
            inner = [*value.items()] if isinstance(value, dict) else [*enumerate(value)]
            waiting += [((*path, key), each) for key, each in inner]
            waiting += [((*path, key, "name"), key) for key, _each in inner if isinstance(key, Placed)]
    return found
