"""Masks that come back in a text that was typed: each stands for the secret that is stored at its place."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from clusters.config.document_masks.pairing import paired, parts_of, printed, same_machines
from clusters.config.document_masks.placing import Places, Shown, secrets_of_texts
from clusters.config.finding import error
from clusters.config.paths import in_file
from clusters.config.secret import MASK, STAND_IN, Secret
from clusters.config.secrets.finder import apart, secret_spans
from clusters.config.secrets.names import is_open_value, is_secret_key
from clusters.config.secrets.walk import distinct, walked, with_others

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.config.secrets.patterns import Span
    from clusters.config.secrets.walk import Spans


def with_stand_ins(text: str) -> str:
    """The text with a stand-in for each mask."""
    return text.replace(MASK, STAND_IN)


def with_masks(text: str) -> str:
    """The text with a mask for each stand-in."""
    return text.replace(STAND_IN, MASK)


def missing_secret(path: str, where: str = "") -> Finding:
    """The finding for a mask with an unknown secret, which cannot be stored."""
    return error(
        "secret.unknown",
        path,
        f"{where or path}: the secret is missing. Slipway does not know which one this mask hides, or would show it.",
        hint="Type the secret in place of the mask, or restore the text around it.",
    )


def with_secrets(fresh: Document, before: Document) -> tuple[Document, set[str]]:
    """The document with the stored secret for each stand-in; and the paths of those for which none is known.

    Machines and other entries of lists are found again first. A secret that the finder would not find where it was
    put is missing, too: the next page would show it. A stand-in that is stored as such comes back as such.
    """
    missing: set[str] = set()
    stored = as_shown(before)
    same = same_machines(before.hosts, fresh.hosts)
    back = _Returning(stored, missing)
    hosts = tuple(
        _put_back(host, stored.hosts[same[place]] if place in same else None, f"spec.hosts.{place}", back)
        for place, host in enumerate(fresh.hosts)
    )
    theirs = _put_back(fresh.kubesphere_document, stored.kubesphere_document, "kubesphere", back)
    bare = {"hosts": (), "kubesphere_document": None}
    rest = _put_back(fresh.model_copy(update=bare), stored.model_copy(update=bare), "spec", back)
    return _found_again(rest.model_copy(update={"hosts": hosts, "kubesphere_document": theirs}), missing), missing


class _Returning:
    """Paths of masks whose secret is not known, and what the whole stored document has, for what was moved in it."""

    def __init__(self, stored: Any, missing: set[str]) -> None:
        self._stored = stored
        self.missing = missing

    @cached_property
    def places(self) -> Places:
        """Its secrets by the lines of all its texts."""
        return Places((each for each in _lists_in(self._stored) if all(map(_is_text, each))), STAND_IN)

    def entries(self, visible: Any) -> list[Any]:
        """All entries of its lists that are shown so."""
        return self._entries.get(visible, [])

    @cached_property
    def _entries(self) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for each in _lists_in(self._stored):
            for entry in each if not all(map(_is_text, each)) else ():
                found.setdefault(printed(entry), []).append(entry)
        return found


def _is_text(value: Any) -> bool:
    return isinstance(value, str | Shown | Secret)


def _lists_in(value: Any) -> Iterator[Sequence[Any]]:
    """All lists of a document, and each text outside a list as a separate list."""
    if isinstance(value, Shown):
        yield [value]
    elif isinstance(value, dict | BaseModel):
        for _key, inner in parts_of(value):
            yield from _lists_in(inner)
    elif isinstance(value, list | tuple):
        yield value
        for inner in value:
            yield from _lists_in(inner) if not _is_text(inner) else ()


class _Back(str):
    """A text into which secrets were put: where they are in it, where it is, and what is to be stored."""

    spans: list[Span]
    path: str
    value: Any


def as_shown(value: Any) -> Any:
    """A document, or a part of one, with `Shown` for every text in which something is masked, or a stand-in stored."""

    def leaf(value: Any, key: str, more: Spans) -> Any:
        text = value.reveal() if isinstance(value, Secret) else str(value)
        spans = spans_of(value, text, key, more)
        if STAND_IN in text:
            spans = apart([*spans, *_stand_ins(text)])
        if spans == [(0, len(text))]:
            return Shown(STAND_IN, (value,))
        return Shown(*_taken_out(text, spans)) if spans else value

    return walked(value, leaf)


def spans_of(value: Any, text: str, key: str, more: Spans) -> list[Span]:
    """Where the finder sees secrets in a value."""
    if isinstance(value, Secret):
        return [(0, len(text))] if text else []
    if is_secret_key(key) or not isinstance(value, str):
        return [] if is_open_value(key, text) else [(0, len(text))]
    return secret_spans(text, key, more)


def _stand_ins(text: str) -> list[Span]:
    spans, place = [], 0
    while (place := text.find(STAND_IN, place)) >= 0:
        spans.append((place, place + len(STAND_IN)))
        place += len(STAND_IN)
    return spans


def _taken_out(text: str, spans: list[Span]) -> tuple[str, tuple[str, ...]]:
    parts, place = [], 0
    for start, end in spans:
        parts += [text[place:start], STAND_IN]
        place = end
    return "".join([*parts, text[place:]]), tuple(text[start:end] for start, end in spans)


def _found_again(document: Any, missing: set[str]) -> Any:
    """The document with plain texts; a secret that was put where the finder does not see it is missing."""
    back: dict[str, None] = {}
    seen: set[str] = set()

    def leaf(value: Any, key: str, more: Spans) -> Any:
        if not isinstance(value, _Back):
            return value
        back[value.path] = None
        found = spans_of(value.value, str(value), key, more)
        if _covered(value.spans, found):
            seen.add(value.path)
        return value.value

    plain = walked(document, leaf)
    missing.update(path for path in back if path not in seen)
    return plain


def _covered(spans: list[Span], found: list[Span]) -> bool:
    """Whether each span lies in one of those that were found; both are in order."""
    rest = iter(found)
    last = (0, 0)
    for start, end in spans:
        while last[1] < end:
            last = next(rest, (end, end))
        if last[0] > start:
            return False
    return True


def _put_back(fresh: Any, stored: Any, path: str, back: _Returning) -> Any:
    """A part of the document with its secrets; the texts with `_Back`."""
    if isinstance(fresh, Secret):
        if STAND_IN not in fresh.reveal():
            return fresh
        text = _texts([fresh.reveal()], [stored], lambda _: path, back)[0]
        return _secret(text)
    if isinstance(fresh, str):
        return _texts([fresh], [stored], lambda _: path, back)[0]
    if isinstance(fresh, list | tuple):
        return _list(fresh, stored if isinstance(stored, list | tuple) else (), path, back)
    if isinstance(fresh, dict | BaseModel):
        return _parts(fresh, stored, path, back)
    return fresh


def _secret(text: str | Secret) -> Secret | None:
    return text if isinstance(text, Secret) else Secret(str(text)) if text else None


def _list(fresh: Any, stored: Any, path: str, back: _Returning) -> Any:
    here = [each.reveal() if isinstance(each, Secret) else each for each in fresh]
    if all(isinstance(each, str) for each in here):
        if not any(STAND_IN in each for each in here):
            return fresh
        texts = _texts(here, stored, lambda place: f"{path}.{place}", back)
        kept = [_secret(new) if isinstance(old, Secret) else new for new, old in zip(texts, fresh, strict=True)]
    else:
        same = paired(stored, fresh, back.entries)
        kept = [
            _put_back(new, stored[same[place]] if place in same else None, f"{path}.{place}", back)
            for place, new in enumerate(fresh)
        ]
    return fresh if all(new is old for new, old in zip(kept, fresh, strict=True)) else type(fresh)(kept)


def _texts(fresh: Sequence[str], stored: Sequence[Any], path: Callable[[int], str], back: _Returning) -> list[Any]:
    """Texts of one list with their secrets; empty, and the path missing, where one is not known."""
    if not any(STAND_IN in each for each in fresh):
        return list(fresh)
    kept: list[Any] = []
    known = secrets_of_texts(stored, fresh, STAND_IN, back.places)
    for place, (new, found) in enumerate(zip(fresh, known, strict=True)):
        if found:
            kept.append(_back(new, found, path(place)))
            continue
        if found is None:
            back.missing.add(path(place))
        kept.append(new if found is not None else "")
    return kept


def _back(text: str, found: list[object], path: str) -> _Back | Secret:
    if text == STAND_IN and isinstance(found[0], Secret):
        return found[0]
    whole, *rest = text.split(STAND_IN)
    spans, parts, place = [], [whole], len(whole)
    for each, part in zip(found, rest, strict=True):
        secret = each.reveal() if isinstance(each, Secret) else str(each)
        if secret != STAND_IN:
            spans.append((place, place + len(secret)))
        parts += [secret, part]
        place += len(secret) + len(part)
    back = _Back("".join(parts))
    back.spans, back.path = spans, path
    back.value = type(text)(back) if text != STAND_IN or isinstance(found[0], str) else found[0]
    return back


def _parts(fresh: Any, stored: Any, path: str, back: _Returning) -> Any:
    theirs = [*parts_of(stored)] if isinstance(stored, dict | BaseModel) else []
    shown = distinct(str(key) for key, _value in theirs)
    known = {name: value for name, (_key, value) in zip(shown, theirs, strict=True)}
    originals = {name: key for name, (key, _value) in zip(shown, theirs, strict=True)}
    names = {} if isinstance(fresh, dict) else {field.alias: name for name, field in type(fresh).model_fields.items()}
    update: dict[str, Any] = {}
    for key, here in parts_of(fresh):
        filled = _put_back(here, known.get(key), in_file(path, key), back)
        if filled is not here:
            update[names.get(key, key)] = filled
    if update:
        fresh = {**fresh, **update} if isinstance(fresh, dict) else fresh.model_copy(update=update)
    return _with_names(fresh, originals, path, back)


def _with_names(fresh: Any, originals: dict[str, Any], path: str, back: _Returning) -> Any:
    """A mapping, or a section's unknown keys, with the stored login in each name that has a stand-in.

    A name that is stored with a stand-in stays as it is.
    """
    others = fresh if isinstance(fresh, dict) else fresh.model_extra or {}
    if not any(STAND_IN in key for key in others):
        return fresh
    whole: dict[str, Any] = {}
    for key, value in others.items():
        original = originals.get(key) if STAND_IN in key else key
        if original is None:
            back.missing.add(in_file(path, key))
        whole[_whole(original) if isinstance(original, Shown) else key] = value
    return whole if isinstance(fresh, dict) else with_others(fresh, whole)


def _whole(name: Shown) -> str:
    first, *rest = name.text.split(STAND_IN)
    return first + "".join(f"{secret}{part}" for secret, part in zip(name.secrets, rest, strict=True))
