"""Masks that come back in a text that was typed: each stands for the secret that is stored at its place."""

from __future__ import annotations

import secrets
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from clusters.config.secret import MASK, Secret
from clusters.config.secret_finder import places

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from clusters.config.schema import Document, Host

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


class _Leads:
    """The secrets of some stored texts by what stands before them; read once, however many texts ask."""

    def __init__(self, stored: Iterable[Any]) -> None:
        self._stored = stored

    @cached_property
    def secrets(self) -> dict[str, list[str]]:
        """What stands before -> secrets, in their order."""
        known: dict[str, list[str]] = {}
        for each in self._stored:
            for lead, secret in _led(_plain(each)):
                known.setdefault(lead, []).append(secret)
        return known


_NONE = _Leads(())


def _filled(fresh: Any, before: Any, path: str, missing: set[str], others: _Leads = _NONE) -> Any:
    """A part of the document with its secrets; `others` are stored values of the same list."""
    if isinstance(fresh, Secret):
        if STAND_IN not in fresh.reveal():
            return fresh
        if fresh.reveal() == STAND_IN and isinstance(before, Secret):
            return before
        text = _in_text(fresh.reveal(), _Leads((before,)), others, path, missing)
        return Secret(text) if text else None
    if isinstance(fresh, str):
        if STAND_IN not in fresh:
            return fresh
        if fresh == STAND_IN and before not in (None, "") and not isinstance(before, dict | list | tuple | BaseModel):
            return before
        return _in_text(fresh, _Leads((before,)), others, path, missing)
    if isinstance(fresh, list | tuple):
        return _list_filled(fresh, before if isinstance(before, list | tuple) else (), path, missing)
    if isinstance(fresh, dict | BaseModel):
        return _parts_filled(fresh, before, path, missing)
    return fresh


def _list_filled(fresh: Any, before: Any, path: str, missing: set[str]) -> Any:
    pairs = enumerate(zip(fresh, [*before, *[None] * len(fresh)], strict=False))
    others = _Leads(before)
    kept = [_filled(new, old, f"{path}.{place}", missing, others) for place, (new, old) in pairs]
    return fresh if all(new is old for new, old in zip(kept, fresh, strict=True)) else type(fresh)(kept)


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


def _in_text(text: str, own: _Leads, others: _Leads, path: str, missing: set[str]) -> str:
    """A text with the secrets that have the same text before them; empty, and its path missing, without one."""
    used: Counter[str] = Counter()
    lines = []
    for line in text.split("\n"):
        first, *rest = line.split(STAND_IN)
        lead, whole = first, first
        for part in rest:
            here, elsewhere = own.secrets.get(lead, []), others.secrets.get(lead, [])
            if not here and not elsewhere:
                missing.add(path)
                return ""
            # The same line twice in one script: the secrets follow each other, and the last one stays.
            place = min(used[lead], len(here) + len(elsewhere) - 1)
            used[lead] += 1
            whole += (here[place] if place < len(here) else elsewhere[place - len(here)]) + part
            lead += MASK + part
        lines.append(whole)
    return "\n".join(lines)


def _led(text: str) -> Iterator[tuple[str, str]]:
    """Each secret of a text behind what stands before it on its line, with masks for those before it."""
    for spans in (places(text), places(text, in_shell=True)):
        lead, place = "", 0
        for start, end in spans:
            between = text[place:start]
            lead = between.rpartition("\n")[2] if "\n" in between else lead + between
            yield lead, text[start:end]
            lead, place = lead + MASK, end


def _same_machine(host: Host, place: int, before: Document, stored: dict[str, Host], names: set[str]) -> Host | None:
    """The stored machine of that name; of a machine whose name is new, the one whose place and address it has."""
    if host.name and host.name in stored:
        return stored[host.name]
    other = before.hosts[place] if place < len(before.hosts) else None
    if other is None or other.name in names:
        return None
    return other if other.ssh_address == host.ssh_address and other.port == host.port else None
