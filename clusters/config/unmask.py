"""Masks that come back in a text that was typed: each stands for the secret that is stored at its place."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from clusters.config.finding import error
from clusters.config.pairing import paired, parts_of, same_machines
from clusters.config.placing import Shown, secrets_of_texts
from clusters.config.secret import MASK, Secret
from clusters.config.secret_finder import apart, secret_spans
from clusters.config.secret_names import is_open_value, is_secret_key
from clusters.config.secret_walk import walked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.config.secret_looks import Span
    from clusters.config.secret_walk import Spans

STAND_IN = "".join(chr(0xE000 + secrets.randbelow(0x1800)) for _ in MASK)
"""Put where masks are while a text is read, since a mask that is read means that no secret was given.

As long as a mask, so that places in the text stay as they are, and of characters that nobody types.
"""


def with_stand_ins(text: str) -> str:
    """The text with a stand-in for each mask."""
    return text.replace(MASK, STAND_IN)


def with_masks(text: str) -> str:
    """The text with a mask for each stand-in."""
    return text.replace(STAND_IN, MASK)


def missing_secret(path: str, where: str = "") -> Finding:
    """Nobody knows which secret a mask there stands for, so that nothing can be stored in its place."""
    return error(
        "secret.unknown",
        path,
        f"{where or path}: the secret is missing. Slipway cannot tell which one this mask is, or would show it.",
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
    hosts = tuple(
        _put_back(host, stored.hosts[same[place]] if place in same else None, f"spec.hosts.{place}", missing)
        for place, host in enumerate(fresh.hosts)
    )
    theirs = _put_back(fresh.kubesphere_document, stored.kubesphere_document, "kubesphere", missing)
    bare = {"hosts": (), "kubesphere_document": None}
    rest = _put_back(fresh.model_copy(update=bare), stored.model_copy(update=bare), "spec", missing)
    return _found_again(rest.model_copy(update={"hosts": hosts, "kubesphere_document": theirs}), missing), missing


def _filled(fresh: Any, before: Any, path: str, missing: set[str]) -> Any:
    """A part of the document with its secrets."""
    return _found_again(_put_back(fresh, as_shown(before), path, missing), missing)


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


def _put_back(fresh: Any, stored: Any, path: str, missing: set[str]) -> Any:
    """A part of the document with its secrets; the texts with `_Back`."""
    if isinstance(fresh, Secret):
        if STAND_IN not in fresh.reveal():
            return fresh
        text = _texts([fresh.reveal()], [stored], lambda _: path, missing)[0]
        return _secret(text)
    if isinstance(fresh, str):
        return _texts([fresh], [stored], lambda _: path, missing)[0]
    if isinstance(fresh, list | tuple):
        return _list(fresh, stored if isinstance(stored, list | tuple) else (), path, missing)
    if isinstance(fresh, dict | BaseModel):
        return _parts(fresh, stored, path, missing)
    return fresh


def _secret(text: str | Secret) -> Secret | None:
    return text if isinstance(text, Secret) else Secret(str(text)) if text else None


def _list(fresh: Any, stored: Any, path: str, missing: set[str]) -> Any:
    here = [each.reveal() if isinstance(each, Secret) else each for each in fresh]
    if all(isinstance(each, str) for each in here):
        if not any(STAND_IN in each for each in here):
            return fresh
        back = _texts(here, stored, lambda place: f"{path}.{place}", missing)
        kept = [_secret(new) if isinstance(old, Secret) else new for new, old in zip(back, fresh, strict=True)]
    else:
        same = paired(stored, fresh)
        kept = [
            _put_back(new, stored[same[place]] if place in same else None, f"{path}.{place}", missing)
            for place, new in enumerate(fresh)
        ]
    return fresh if all(new is old for new, old in zip(kept, fresh, strict=True)) else type(fresh)(kept)


def _texts(fresh: Sequence[str], stored: Sequence[Any], path: Callable[[int], str], missing: set[str]) -> list[Any]:
    """Texts of one list with their secrets; empty, and the path missing, where one is not known."""
    if not any(STAND_IN in each for each in fresh):
        return list(fresh)
    kept: list[Any] = []
    for place, (new, found) in enumerate(zip(fresh, secrets_of_texts(stored, fresh, STAND_IN), strict=True)):
        if found:
            kept.append(_back(new, found, path(place)))
            continue
        if found is None:
            missing.add(path(place))
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


def _parts(fresh: Any, stored: Any, path: str, missing: set[str]) -> Any:
    known = dict(parts_of(stored)) if isinstance(stored, dict | BaseModel) else {}
    names = {} if isinstance(fresh, dict) else {field.alias: name for name, field in type(fresh).model_fields.items()}
    update: dict[str, Any] = {}
    for key, here in parts_of(fresh):
        filled = _put_back(here, known.get(key), f"{path}.{key}", missing)
        if filled is not here:
            update[names.get(key, key)] = filled
    if not update:
        return fresh
    return {**fresh, **update} if isinstance(fresh, dict) else fresh.model_copy(update=update)
