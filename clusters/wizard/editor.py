"""Editor: the document as text beside the forms, with marks at its lines; and text that was typed, as a document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clusters.config.finding import locate
from clusters.config.load import load
from clusters.config.render import render
from clusters.config.rules import check

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clusters.config.finding import Finding
    from clusters.config.schema import Document, Host

_TONES = {"error": "failed", "warning": "warning"}
_SECRETS = {"password": "password", "privateKey": "private_key"}
MASKED = "secret.masked"


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
    """The text with its marks; `gutter` has every line's number, and its tone where something is marked."""

    text: str
    marks: tuple[Mark, ...]

    @property
    def gutter(self) -> list[tuple[int, str]]:
        """Line number and tone; the worst of a line counts."""
        tones: dict[int, str] = {}
        for mark in self.marks:
            if tones.get(mark.line) != "failed":
                tones[mark.line] = mark.tone
        return [(line, tones.get(line, "")) for line in range(1, self.text.count("\n") + 2)]


def editor(document: Document) -> Editor:
    """A document as text with its secrets masked, and what the rules say of its lines."""
    text = text_of(document)
    return Editor(text, _marks(locate(check(document), load(text).positions)))


def text_of(document: Document) -> str:
    """The text that the editor shows: the one place that would keep a person's own comments and order."""
    return render(document, secrets="mask")


def typed(before: Document, text: str) -> tuple[Document | None, Editor]:
    """The document of a text that was typed, with stored secrets where it shows a mask; None when it cannot be read."""
    loaded = load(text)
    if loaded.document is None:
        return None, Editor(text, _marks(each for each in loaded.findings if each.id != MASKED))
    masked = [finding.path for finding in loaded.findings if finding.id == MASKED]
    document, missing = _with_secrets(loaded.document, before, masked)
    said = [each for each in loaded.findings if each.id != MASKED or each.path in missing]
    return document, Editor(text, _marks((*said, *locate(check(document), loaded.positions))))


def _marks(findings: Iterable[Finding]) -> tuple[Mark, ...]:
    found = [
        Mark(each.line or 1, each.column or 1, _TONES[each.severity.value], each.message, each.hint)
        for each in findings
        if each.severity.value in _TONES
    ]
    return tuple(sorted(found, key=lambda mark: (mark.line, mark.column)))


def _with_secrets(fresh: Document, before: Document, masked: list[str]) -> tuple[Document, set[str]]:
    """The masks of a text are the secrets that are stored; gives the paths for which none is."""
    missing, hosts = set(), list(fresh.hosts)
    for path in masked:
        parts = path.split(".")
        if parts[:2] == ["spec", "hosts"] and parts[-1] in _SECRETS and len(parts) == 4:
            place, field = int(parts[2]), _SECRETS[parts[3]]
            stored = _same_machine(fresh, before, place)
            secret = getattr(stored, field) if stored is not None else None
            hosts[place] = hosts[place].model_copy(update={field: secret})
            if secret is None:
                missing.add(path)
        elif not _copied(fresh, before, parts):
            missing.add(path)
    return fresh.model_copy(update={"hosts": tuple(hosts)}), missing


def _same_machine(fresh: Document, before: Document, place: int) -> Host | None:
    """The stored machine of that name; of a machine whose name is new, the one whose place and address it has."""
    host = fresh.hosts[place]
    if host.name and before.host(host.name) is not None:
        return before.host(host.name)
    other = before.hosts[place] if place < len(before.hosts) else None
    if other is None or fresh.host(other.name) is not None:
        return None
    return other if other.ssh_address == host.ssh_address and other.port == host.port else None


def _copied(fresh: Document, before: Document, parts: list[str]) -> bool:
    """Copy a secret of a part that Slipway does not model from the stored document; says whether there is one."""
    source, target = _extra(before, parts), _extra(fresh, parts)
    if not isinstance(source, dict) or not isinstance(target, dict) or parts[-1] not in source:
        return False
    target[parts[-1]] = source[parts[-1]]
    return True


def _extra(document: Document, parts: list[str]) -> Any:
    """The mapping around the last part of a path, below what the model keeps as it came."""
    path = parts[1:-1] if parts[0] == "spec" else parts[:-1]
    here: Any = document
    if parts[0] == "kubesphere":
        here, path = document.kubesphere_document, path[1:]
    for part in path:
        if isinstance(here, dict):
            here = here.get(part)
        elif isinstance(here, list | tuple):
            here = here[int(part)] if part.isdigit() and int(part) < len(here) else None
        elif here is not None:
            names = {field.alias or name: name for name, field in type(here).model_fields.items()}
            here = getattr(here, names[part]) if part in names else (here.model_extra or {}).get(part)
    return here.model_extra if hasattr(here, "model_extra") else here
