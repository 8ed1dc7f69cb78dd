"""Editor: the document as text beside the forms, with marks at its lines; and text that was typed, as a document."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from pydantic import BaseModel

from clusters.config.finding import Severity, locate
from clusters.config.load import load
from clusters.config.rules import check
from clusters.config.secret import MASK, Secret
from clusters.config.secretkeys import is_secret_key
from clusters.services.drafts import text_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from clusters.config.finding import Finding
    from clusters.config.schema import Document, Host

    Check = Callable[[Document], tuple[Finding, ...]]

_TONES = {"error": "failed", "warning": "warning"}
MASKED = "secret.masked"

_STAND_IN = f"stands-in-for-a-secret-{secrets.token_hex(8)}"
"""Put where secrets are while a text is written, since a mask that is read again means that none was given."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What is said at a line, counted from 1; `tone` is one of the tokens."""

    line: int
    column: int
    tone: str
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Editor:
    """The text with what reading it said, and what the rules found, both with lines."""

    text: str
    said: tuple[Finding, ...]
    found: tuple[Finding, ...] = ()

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What is said at its lines."""
        return _marks((*self.said, *self.found))

    @property
    def kept(self) -> tuple[Finding, ...]:
        """What reading said, to be known rather than answered for; the same sentence once, with its first line."""
        same: dict[tuple[str, str], list[Finding]] = {}
        for each in self.said:
            same.setdefault((each.id, each.message), []).append(each)
        return tuple(_known(first, 1 + len(others)) for first, *others in same.values())

    @property
    def gutter(self) -> list[tuple[int, str]]:
        """Every line's number, and its tone where something is marked; the worst of a line counts."""
        tones = self._tones()
        return [(line, tones.get(line, "")) for line in range(1, self.text.count("\n") + 2)]

    @property
    def numbers(self) -> SafeString:
        """The gutter as HTML. A template would take longer for a thousand lines than all else on the page."""
        tones = self._tones()
        last = self.text.count("\n") + 1
        return mark_safe("\n".join(_number(line, tones.get(line, "")) for line in range(1, last + 1)))  # noqa: S308 - numbers

    def _tones(self) -> dict[int, str]:
        tones: dict[int, str] = {}
        for mark in self.marks:
            if tones.get(mark.line) != "failed":
                tones[mark.line] = mark.tone
        return tones


def _known(finding: Finding, places: int) -> Finding:
    hint = f"{finding.hint} {_('In %d places.') % places}".strip() if places > 1 else finding.hint
    return replace(finding, severity=Severity.INFO, hint=hint)


def _number(line: int, tone: str) -> str:
    return f'<span class="is-marked tone-{tone}">{line}</span>' if tone else f"<span>{line}</span>"


def editor(document: Document, original: str, check: Check = check) -> Editor:
    """A document as text with its secrets masked, and what `check` says of its lines; `original` is what is stored."""
    text = text_with(original, _masked(document))
    # A mask is on the line of what stands in for it; the text with that was just read, to prove that it is right.
    loaded = load(text)
    return Editor(text.replace(_STAND_IN, MASK), loaded.findings, locate(check(document), loaded.positions))


def _masked(value: Any, key: str = "") -> Any:
    """The same with a stand-in for every secret; `key` is what the value is called in the text."""
    if isinstance(value, Secret):
        return Secret(_STAND_IN) if value else value
    if isinstance(value, str) and value and is_secret_key(key):
        return _STAND_IN
    if isinstance(value, list | tuple):
        return type(value)(_masked(inner, key) for inner in value)
    if isinstance(value, dict):
        return {name: _masked(inner, str(name)) for name, inner in value.items()}
    if not isinstance(value, BaseModel):
        return value
    changed = {}
    for name, called, secret in _keys(type(value)):
        old = getattr(value, name)
        # Most of a document are texts and numbers that are no secret.
        fresh = old if type(old) in _PLAIN and not secret else _masked(old, called)
        if fresh is not old:
            changed[name] = fresh
    extra = _masked(value.model_extra or {})
    changed |= {name: inner for name, inner in extra.items() if inner is not (value.model_extra or {})[name]}
    return value.model_copy(update=changed) if changed else value


_PLAIN = (str, int, bool, float, type(None))


@cache
def _keys(model: type[BaseModel]) -> tuple[tuple[str, str, bool], ...]:
    """Name by which a key is set, what it is called in the text, and whether that is the name of a secret.

    The `credential` of a login is a name by which Slipway finds secrets.
    """
    named = ((name, field.alias or name) for name, field in model.model_fields.items())
    return tuple((name, called, called != "credential" and is_secret_key(called)) for name, called in named)


def typed(before: Document, text: str, check: Check = check) -> tuple[Document | None, Editor]:
    """The document of a text that was typed, with stored secrets where it shows a mask; None when it cannot be read."""
    loaded = load(text)
    if loaded.document is None:
        return None, Editor(text, tuple(each for each in loaded.findings if each.id != MASKED))
    masked = [finding.path for finding in loaded.findings if finding.id == MASKED]
    document, missing = with_secrets(loaded.document, before, masked)
    said = tuple(each for each in loaded.findings if each.id != MASKED or each.path in missing)
    return document, Editor(text, said, locate(check(document), loaded.positions))


def _marks(findings: Iterable[Finding]) -> tuple[Mark, ...]:
    found = [
        Mark(each.line or 1, each.column or 1, _tone(each), each.message, each.hint)
        for each in findings
        if each.severity.value in _TONES
    ]
    return tuple(sorted(found, key=lambda mark: (mark.line, mark.column)))


def _tone(finding: Finding) -> str:
    return "warning" if finding.waived else _TONES[finding.severity.value]


def with_secrets(fresh: Document, before: Document, masked: list[str]) -> tuple[Document, set[str]]:
    """The masks of a text are the secrets that are stored; gives the paths for which none is."""
    wanted, found = set(masked), set[str]()
    if not wanted:
        return fresh, found
    hosts = tuple(
        _filled(host, _same_machine(fresh, before, place), f"spec.hosts.{place}", wanted, found)
        for place, host in enumerate(fresh.hosts)
    )
    theirs = _filled(fresh.kubesphere_document, before.kubesphere_document, "kubesphere", wanted, found)
    bare = before.model_copy(update={"hosts": ()})
    rest = _filled(fresh.model_copy(update={"hosts": ()}), bare, "spec", wanted, found)
    return rest.model_copy(update={"hosts": hosts, "kubesphere_document": theirs}), wanted - found


def _filled(fresh: Any, before: Any, path: str, wanted: set[str], found: set[str]) -> Any:
    """A part of the document with the stored value wherever its path is wanted; `found` gets those that there were."""
    if isinstance(fresh, list | tuple) and isinstance(before, list | tuple):
        pairs = zip(fresh, [*before, *[None] * len(fresh)], strict=False)
        return type(fresh)(
            _filled(new, old, f"{path}.{place}", wanted, found) for place, (new, old) in enumerate(pairs)
        )
    if not isinstance(fresh, dict | BaseModel) or not isinstance(before, dict | BaseModel):
        return fresh
    mine, stored = _parts(fresh), _parts(before)
    update: dict[str, Any] = {}
    for key, (name, old) in stored.items():
        inner = f"{path}.{key}"
        here = mine[key][1] if key in mine else None
        value = old if inner in wanted and old and not here else _filled(here, old, inner, wanted, found)
        if inner in wanted and value is old and old:
            found.add(inner)
        if value is not here:
            update[name] = value
    if not update:
        return fresh
    return {**fresh, **update} if isinstance(fresh, dict) else fresh.model_copy(update=update)


def _parts(value: dict[str, Any] | BaseModel) -> dict[str, tuple[str, Any]]:
    """Key in the text -> name by which it is set, and value."""
    if isinstance(value, dict):
        return {key: (key, inner) for key, inner in value.items()}
    known = {field.alias or name: (name, getattr(value, name)) for name, field in type(value).model_fields.items()}
    return known | {key: (key, inner) for key, inner in (value.model_extra or {}).items()}


def _same_machine(fresh: Document, before: Document, place: int) -> Host | None:
    """The stored machine of that name; of a machine whose name is new, the one whose place and address it has."""
    host = fresh.hosts[place]
    if host.name and before.host(host.name) is not None:
        return before.host(host.name)
    other = before.hosts[place] if place < len(before.hosts) else None
    if other is None or fresh.host(other.name) is not None:
        return None
    return other if other.ssh_address == host.ssh_address and other.port == host.port else None
