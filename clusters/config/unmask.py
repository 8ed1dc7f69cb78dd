"""Masks that come back in a text that was typed: each stands for the secret that is stored at its place."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from clusters.config.secret import MASK, Secret
from clusters.config.secret_finder import hidden, secret_spans
from clusters.config.secret_walk import SHELL_KEYS, is_option, spans_of_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.config.schema import Document, Host
    from clusters.config.secret_looks import Span

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


def with_secrets(fresh: Document, before: Document) -> tuple[Document, set[str]]:
    """The document with the stored secret for each stand-in; and the paths of those for which none is stored.

    A machine is found again by its name, or by its place and address. In a longer text (an argument, a script) a
    stand-in is the secret that has the same text before it on its line, there or elsewhere in the same list.
    """
    missing: set[str] = set()
    hosts = tuple(
        _filled(host, _same_machine(fresh, before, place), f"spec.hosts.{place}", missing)
        for place, host in enumerate(fresh.hosts)
    )
    theirs = _filled(fresh.kubesphere_document, before.kubesphere_document, "kubesphere", missing)
    bare = {"hosts": (), "kubesphere_document": None}
    rest = _filled(fresh.model_copy(update=bare), before.model_copy(update=bare), "spec", missing)
    return rest.model_copy(update={"hosts": hosts, "kubesphere_document": theirs}), missing


def _filled(fresh: Any, before: Any, path: str, missing: set[str], others: tuple[Any, ...] = ()) -> Any:
    """A part of the document with its secrets; `others` are stored values of the same list."""
    if isinstance(fresh, Secret):
        if STAND_IN not in fresh.reveal():
            return fresh
        if fresh.reveal() == STAND_IN and isinstance(before, Secret):
            return before
        text = _in_text(fresh.reveal(), [_plain(each) for each in (before, *others)], path, missing)
        return Secret(text) if text else None
    if isinstance(fresh, str):
        if STAND_IN not in fresh:
            return fresh
        if fresh == STAND_IN and before not in (None, "") and not isinstance(before, dict | list | tuple | BaseModel):
            return before
        return _in_text(fresh, [_plain(each) for each in (before, *others)], path, missing)
    if isinstance(fresh, list | tuple):
        return _list_filled(fresh, before if isinstance(before, list | tuple) else (), path, missing)
    if isinstance(fresh, dict | BaseModel):
        return _parts_filled(fresh, before, path, missing)
    return fresh


def _list_filled(fresh: Any, before: Any, path: str, missing: set[str]) -> Any:
    shown = _shown_items(before)
    kept = []
    for place, new in enumerate(fresh):
        if isinstance(new, str) and STAND_IN in new and shown:
            back = _item_back(fresh, place, before, shown)
            if back or _needs_neighbour(fresh, place):
                if not back:
                    missing.add(f"{path}.{place}")
                kept.append(back)
                continue
        old = before[place] if place < len(before) else None
        kept.append(_filled(new, old, f"{path}.{place}", missing, tuple(before)))
    return fresh if all(new is old for new, old in zip(kept, fresh, strict=True)) else type(fresh)(kept)


def _shown_items(before: Any) -> list[str]:
    """A stored list of texts as it was shown; empty for any other list."""
    if not before or not all(isinstance(each, str) for each in before):
        return []
    return [str(each) for each in hidden(list(before), mask=True)]


def _item_back(fresh: Any, place: int, before: Any, shown: list[str]) -> str:
    """The stored item that was shown so behind the same item, wherever in the list that is now; else nothing."""
    wanted = with_masks(fresh[place])
    ahead = with_masks(fresh[place - 1]) if place else ""
    same = [at for at, text in enumerate(shown) if text == wanted and (shown[at - 1] if at else "") == ahead]
    return str(before[place if place in same else same[0]]) if same else ""


def _needs_neighbour(fresh: Any, place: int) -> bool:
    """Whether only the items before it say that there is a secret: in another place it would be another one."""
    if fresh[place] == STAND_IN:
        return place > 0 and is_option(str(fresh[place - 1]))
    return place in spans_of_words(fresh)


def _parts_filled(fresh: Any, before: Any, path: str, missing: set[str]) -> Any:
    stored = dict(_parts(before)) if isinstance(before, dict | BaseModel) else {}
    update: dict[str, Any] = {}
    for key, (name, here) in _parts(fresh):
        filled = _filled(here, stored.get(key, ("", None))[1], f"{path}.{key}", missing)
        if filled is not here:
            update[name] = filled
    if not update:
        return fresh
    return {**fresh, **update} if isinstance(fresh, dict) else fresh.model_copy(update=update)


def _parts(value: dict[str, Any] | BaseModel) -> Iterator[tuple[str, tuple[str, Any]]]:
    """Key in the text, name by which it is set, and value."""
    if isinstance(value, dict):
        yield from ((key, (key, inner)) for key, inner in value.items())
        return
    for name, field in type(value).model_fields.items():
        yield field.alias or name, (name, value.__dict__[name])
    yield from ((key, (key, inner)) for key, inner in (value.model_extra or {}).items())


def _plain(value: Any) -> str:
    return value.reveal() if isinstance(value, Secret) else value if isinstance(value, str) else ""


def _in_text(text: str, stored: list[str], path: str, missing: set[str]) -> str:
    """A text with the secrets that have the same text before them; empty, and its path missing, without one.

    A line that comes back as it was shown is the stored one, the one behind the same line when several look alike.
    """
    known: dict[str, list[str]] = {}
    whole: dict[tuple[str, str], list[str]] = {}
    for each in stored:
        for spans in _readings(each):
            leads, shown_lines = _taken_apart(each, spans)
            for lead, secret in leads:
                known.setdefault(lead, []).append(secret)
            for above, shown, original in shown_lines:
                whole.setdefault((above, shown), []).append(original)
    lines, ahead = [], ""
    for line in text.split("\n"):
        shown = with_masks(line)
        if STAND_IN in line:
            same = whole.get((ahead, shown))
            # The same two lines twice in one script: the secrets follow each other, and the last one stays.
            back = (same.pop(0) if len(same) > 1 else same[0]) if same else _line_back(line, ahead, known)
            if back is None:
                missing.add(path)
                return ""
            lines.append(back)
        else:
            lines.append(line)
        ahead = shown
    return "\n".join(lines)


def _line_back(line: str, ahead: str, known: dict[str, list[str]]) -> str | None:
    """A line of which what stands behind a mask was changed; None when no secret has the same text before it."""
    first, *rest = line.split(STAND_IN)
    lead, whole = _lead(ahead, first), first
    for part in rest:
        found = known.get(lead)
        if not found:
            return None
        whole += (found.pop(0) if len(found) > 1 else found[0]) + part
        lead += MASK + part
    return whole


def _readings(text: str) -> Iterator[list[Span]]:
    """The secrets of a text, as of a value and as of a script: what it is called is not known here."""
    for key in ("", SHELL_KEYS[0]):
        yield secret_spans(text, key)


def _lead(ahead: str, first: str) -> str:
    """What tells a place: the text before it on its line, and where that is blank the line above, too."""
    return first if first.strip(" \t-") else f"{ahead}\n{first}"


def _taken_apart(text: str, spans: list[Span]) -> tuple[list[tuple[str, str]], list[tuple[str, str, str]]]:
    """Each secret behind what tells its place; and each line with a mask: the line before it, both as shown, and what
    is stored there."""
    leads, lines = [], []
    shown, original, ahead, place = "", "", "", 0
    for start, end in [*spans, (len(text), len(text))]:
        *whole, last = text[place:start].split("\n")
        for part in whole:
            if MASK in shown:
                lines.append((ahead, shown + part, original + part))
            ahead, shown, original = shown + part, "", ""
        shown, original, place = shown + last, original + last, end
        if end > start:
            leads.append((_lead(ahead, shown), text[start:end]))
            shown, original = shown + MASK, original + text[start:end]
    if MASK in shown:
        lines.append((ahead, shown, original))
    return leads, lines


def _same_machine(fresh: Document, before: Document, place: int) -> Host | None:
    """The stored machine of that name; of a machine whose name is new, the one whose place and address it has."""
    host = fresh.hosts[place]
    if host.name and before.host(host.name) is not None:
        return before.host(host.name)
    other = before.hosts[place] if place < len(before.hosts) else None
    if other is None or fresh.host(other.name) is not None:
        return None
    return other if other.ssh_address == host.ssh_address and other.port == host.port else None
