"""Masks that come back in a text that was typed: each stands for the secret that is stored at its place."""

from __future__ import annotations

import secrets
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from clusters.config.secret import MASK, Secret
from clusters.config.secret_finder import hidden, secret_spans
from clusters.config.secret_walk import SHELL_KEYS, is_option, spans_of_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from clusters.config.schema import Document, Host
    from clusters.config.secret_looks import Span

_Apart = tuple[list[tuple[str, str]], list[tuple[str, str, str]]]
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
    stored = {host.name: host for host in reversed(before.hosts)}
    names = {host.name for host in fresh.hosts}
    hosts = tuple(
        _filled(host, _same_machine(host, place, before, stored, names), f"spec.hosts.{place}", missing)
        for place, host in enumerate(fresh.hosts)
    )
    theirs = _filled(fresh.kubesphere_document, before.kubesphere_document, "kubesphere", missing)
    bare = {"hosts": (), "kubesphere_document": None}
    rest = _filled(fresh.model_copy(update=bare), before.model_copy(update=bare), "spec", missing)
    return rest.model_copy(update={"hosts": hosts, "kubesphere_document": theirs}), missing


class _Stored:
    """What some stored texts tell of their masks; read once, however many texts ask."""

    def __init__(self, texts: Iterable[Any]) -> None:
        self._texts = texts

    @cached_property
    def secrets(self) -> dict[str, list[str]]:
        """What tells the place of a secret (see `_lead`) -> secrets, in their order."""
        known: dict[str, list[str]] = {}
        for leads, _lines in self._apart:
            for lead, secret in leads:
                known.setdefault(lead, []).append(secret)
        return known

    @cached_property
    def lines(self) -> dict[tuple[str, str], list[str]]:
        """The line above a line with a mask, and that line, both as shown -> what is stored there, in their order."""
        whole: dict[tuple[str, str], list[str]] = {}
        for _leads, lines in self._apart:
            for above, shown, original in lines:
                whole.setdefault((above, shown), []).append(original)
        return whole

    @cached_property
    def _apart(self) -> list[_Apart]:
        return [apart for each in self._texts if (text := _plain(each)) for apart in _readings(text)]


_NONE = _Stored(())


def _filled(fresh: Any, before: Any, path: str, missing: set[str], others: _Stored = _NONE) -> Any:
    """A part of the document with its secrets; `others` are stored values of the same list."""
    if isinstance(fresh, Secret):
        if STAND_IN not in fresh.reveal():
            return fresh
        if fresh.reveal() == STAND_IN and isinstance(before, Secret):
            return before
        text = _in_text(fresh.reveal(), _Stored((before,)), others, path, missing)
        return Secret(text) if text else None
    if isinstance(fresh, str):
        if STAND_IN not in fresh:
            return fresh
        if fresh == STAND_IN and before not in (None, "") and not isinstance(before, dict | list | tuple | BaseModel):
            return before
        return _in_text(fresh, _Stored((before,)), others, path, missing)
    if isinstance(fresh, list | tuple):
        return _list_filled(fresh, before if isinstance(before, list | tuple) else (), path, missing)
    if isinstance(fresh, dict | BaseModel):
        return _parts_filled(fresh, before, path, missing)
    return fresh


def _list_filled(fresh: Any, before: Any, path: str, missing: set[str]) -> Any:
    items, others = _Items(fresh, before), _Stored(before)
    kept = []
    for place, new in enumerate(fresh):
        if isinstance(new, str) and STAND_IN in new and items.shown:
            back = items.back(place)
            if back or items.needs_neighbour(place):
                if not back:
                    missing.add(f"{path}.{place}")
                kept.append(back)
                continue
        old = before[place] if place < len(before) else None
        kept.append(_filled(new, old, f"{path}.{place}", missing, others))
    return fresh if all(new is old for new, old in zip(kept, fresh, strict=True)) else type(fresh)(kept)


class _Items:
    """A list of texts as it came back, beside the stored one; each is read once, however many items ask."""

    def __init__(self, fresh: Any, before: Any) -> None:
        self._fresh, self._before = fresh, before

    @cached_property
    def shown(self) -> list[tuple[str, str]]:
        """Each stored item as it was shown, behind the one before it; empty for any other list than one of texts."""
        if not self._before or not all(isinstance(each, str) for each in self._before):
            return []
        shown = [str(each) for each in hidden(list(self._before), mask=True)]
        return list(zip(["", *shown], shown, strict=False))

    def back(self, place: int) -> str:
        """The stored item that was shown so behind the same item, wherever in the list that is now; else nothing."""
        wanted = (with_masks(str(self._fresh[place - 1])) if place else "", with_masks(self._fresh[place]))
        stayed = place < len(self.shown) and self.shown[place] == wanted
        at = place if stayed else self._first.get(wanted)
        return "" if at is None else str(self._before[at])

    def needs_neighbour(self, place: int) -> bool:
        """Whether only the items before it say that there is a secret: in another place it would be another one."""
        if self._fresh[place] == STAND_IN:
            return place > 0 and is_option(str(self._fresh[place - 1]))
        return place in self._led

    @cached_property
    def _first(self) -> dict[tuple[str, str], int]:
        return {pair: place for place, pair in reversed(list(enumerate(self.shown)))}

    @cached_property
    def _led(self) -> frozenset[int]:
        return frozenset(spans_of_words(self._fresh))


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


def _in_text(text: str, own: _Stored, others: _Stored, path: str, missing: set[str]) -> str:
    """A text with the secrets that have the same text before them; empty, and its path missing, without one.

    A line that comes back as it was shown, behind the same line, is the stored one.
    """
    used: Counter[str] = Counter()
    taken: set[tuple[str, str]] = set()
    lines, ahead = [], ""
    for line in text.split("\n"):
        shown, back = with_masks(line), line
        if STAND_IN in line:
            # Where several lines look alike behind the same line, the order of their secrets tells them apart.
            key = (ahead, shown)
            same = {*own.lines.get(key, ()), *others.lines.get(key, ())}
            if len(same) == 1 and key not in taken:
                taken.add(key)
                back = same.pop()
                used.update(_leads(line, ahead))
            else:
                back = _line_back(line, ahead, own, others, used)
            if not back:
                missing.add(path)
                return ""
        lines.append(back)
        ahead = shown
    return "\n".join(lines)


def _next(here: list[str] | None, elsewhere: list[str] | None, used: Counter[str], lead: str) -> str:
    """The next of the secrets that have this before them; empty where there is none, or none any more.

    Where a line was copied nobody knows which of several secrets it is to have; where there is only one, it is that.
    """
    first, then = here or [], elsewhere or []
    place = used[lead]
    used[lead] += 1
    if place >= len(first) + len(then):
        known = {*first, *then}
        return known.pop() if len(known) == 1 else ""
    return first[place] if place < len(first) else then[place - len(first)]


def _line_back(line: str, ahead: str, own: _Stored, others: _Stored, used: Counter[str]) -> str:
    """A line of which what stands behind a mask was changed; empty when no secret has the same text before it."""
    whole, *rest = line.split(STAND_IN)
    for part, lead in zip(rest, _leads(line, ahead), strict=True):
        found = _next(own.secrets.get(lead), others.secrets.get(lead), used, lead)
        if not found:
            return ""
        whole += found + part
    return whole


def _leads(line: str, ahead: str) -> list[str]:
    """What tells the place of each mask of a line."""
    first, *rest = line.split(STAND_IN)
    leads = [_lead(ahead, first)]
    for part in rest:
        leads.append(leads[-1] + MASK + part)
    return leads[:-1]


def _readings(text: str) -> tuple[_Apart, _Apart]:
    """The secrets of a text as of a value, and those more that a script has: what it is called is not known here."""
    leads, lines = _taken_apart(text, secret_spans(text, ""))
    more, further = _taken_apart(text, secret_spans(text, SHELL_KEYS[0]))
    same, alike = set(leads), set(lines)
    return (leads, lines), (
        [each for each in more if each not in same],
        [each for each in further if each not in alike],
    )


def _lead(ahead: str, first: str) -> str:
    """What tells a place: the text before it on its line, and where that is blank the line above, too."""
    return first if first.strip(" \t-") else f"{ahead}\n{first}"


def _taken_apart(text: str, spans: list[Span]) -> _Apart:
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


def _same_machine(host: Host, place: int, before: Document, stored: dict[str, Host], names: set[str]) -> Host | None:
    """The stored machine of that name; of a machine whose name is new, the one whose place and address it has."""
    if host.name and host.name in stored:
        return stored[host.name]
    other = before.hosts[place] if place < len(before.hosts) else None
    if other is None or other.name in names:
        return None
    return other if other.ssh_address == host.ssh_address and other.port == host.port else None
