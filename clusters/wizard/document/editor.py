"""The editor: the document as text with marks at its lines, and typed text as a document."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from clusters.config.dialects.markdown import BYTE_ORDER_MARK, lines_above, source_of
from clusters.config.document_masks.comments import hidden_comments, restored_comments, without
from clusters.config.document_masks.findings import with_texts
from clusters.config.document_masks.misplaced import masks_astray
from clusters.config.document_masks.texts import MaskedText, masked_text
from clusters.config.document_masks.unmask import missing_secret, with_masks, with_secrets, with_stand_ins
from clusters.config.finding import Severity, locate
from clusters.config.load import WITH_STAND_INS, load
from clusters.config.rules import check
from clusters.config.secret import MASK, STAND_IN, without_stand_ins
from clusters.config.secrets.finder import replaced
from clusters.services.drafts import text_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from clusters.config.finding import Finding, Positions
    from clusters.config.schema import Document

    Check = Callable[[Document], tuple[Finding, ...]]

_TONES = {"error": "failed", "warning": "warning"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A message at a line, counted from 1; `tone` is one of the design tokens."""

    line: int
    column: int
    tone: str
    text: str = field(repr=False)
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Editor:
    """The text, what reading it found, and what the rules found, both with lines."""

    text: str = field(repr=False)
    reading: tuple[Finding, ...]
    found: tuple[Finding, ...] = ()

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The messages at its lines."""
        return _marks((*self.reading, *self.found))

    @property
    def notes(self) -> tuple[Finding, ...]:
        """What reading found, as notes that need no acknowledgement; equal messages once, with their first line."""
        same: dict[tuple[str, str], list[Finding]] = {}
        for each in self.reading:
            same.setdefault((each.id, each.message), []).append(each)
        return tuple(_as_note(first, 1 + len(others)) for first, *others in same.values())

    @property
    def numbers(self) -> SafeString:
        """The gutter as HTML. For a thousand lines, a template would take longer than the rest of the page."""
        tones = self._tones()
        last = self.text.count("\n") + 1
        return mark_safe("\n".join(_number(line, tones.get(line, "")) for line in range(1, last + 1)))  # noqa: S308 - numbers

    def _tones(self) -> dict[int, str]:
        tones: dict[int, str] = {}
        for mark in self.marks:
            if tones.get(mark.line) != "failed":
                tones[mark.line] = mark.tone
        return tones


def _as_note(finding: Finding, places: int) -> Finding:
    hint = f"{finding.hint} {_('In %d places.') % places}".strip() if places > 1 else finding.hint
    return replace(finding, severity=Severity.INFO, hint=hint)


def _number(line: int, tone: str) -> str:
    return f'<span class="is-marked tone-{tone}">{line}</span>' if tone else f"<span>{line}</span>"


def editor(document: Document, original: str, check: Check = check) -> Editor:
    """A document as text with masked secrets, and what `check` finds; `original` is the stored text."""
    text = _masked(*_with_own_masks(document, original)).text
    # A mask is on the line of its stand-in; reading the text with stand-ins proves that it is right.
    loaded = load(text, limit=WITH_STAND_INS)
    shown = with_masks(hidden_comments(text, partial(without, document)))
    return Editor(shown, tuple(map(_without_stand_ins, loaded.findings)), locate(check(document), loaded.positions))


def _masked(document: Document, stored: str) -> MaskedText:
    """The text of a document with a stand-in for each secret; rewritten around them where necessary."""
    text = text_with(stored.removeprefix(BYTE_ORDER_MARK), document, limit=WITH_STAND_INS)
    again = partial(replaced, document, lambda _: STAND_IN)
    return masked_text(text, document) or MaskedText(text, text_with(stored, again(), limit=WITH_STAND_INS))


@dataclass(frozen=True, slots=True)
class Typed:
    """Typed input: the document (None when it is invalid) and the text to store, both with their secrets."""

    document: Document | None
    text: str = field(repr=False)
    editor: Editor
    complete: bool = True
    """Whether the secret behind each mask is known; otherwise nothing may be stored."""


def typed(before: Document, stored: str, text: str, check: Check = check) -> Typed:
    """The document of a typed text, with stored secrets in place of masks; `stored` is the previous text."""
    loaded = load(with_stand_ins(text))
    if loaded.document is None:
        return Typed(None, text, Editor(text, tuple(map(_without_stand_ins, loaded.findings))))
    known, own = _with_own_masks(before, stored)
    masks = _masked(known, own)
    document, missing = with_secrets(loaded.document, known)
    with_comments, lines = _with_comments(text, (before, with_masks(masks.text)), document)
    astray = _astray(text, stored)
    whole, beside = (
        ("", []) if missing or lines or astray else _with_values(text, with_comments, stored, masks, document)
    )
    lost = [*map(missing_secret, sorted(missing)), *map(_missing_in_comment, lines)]
    lost += map(_missing_beside, [*astray, *beside])
    reading = tuple(map(_without_stand_ins, (*loaded.findings, *locate(lost, loaded.positions))))
    shown = Editor(text, reading, locate(check(document), loaded.positions))
    if lost:
        return Typed(document, text, shown, complete=False)
    again = load(whole) if own != stored else None
    if again is not None and again.document is not None:
        without_one = tuple(each for each in again.findings if each.id == "secret.masked")
        return Typed(
            again.document, whole, replace(shown, reading=(*reading, *_placed_in(without_one, loaded.positions)))
        )
    return Typed(document, whole, shown)


def _placed_in(findings: Iterable[Finding], positions: Positions) -> tuple[Finding, ...]:
    return locate([replace(each, line=0, column=0) for each in findings], positions)


def _with_own_masks(document: Document, stored: str) -> tuple[Document, str]:
    """A document and its text with stand-ins for masks that are stored literally: they are not secrets."""
    if MASK not in stored or load(stored).document != document:
        return document, stored
    text = with_stand_ins(stored)
    found = load(text, limit=WITH_STAND_INS).document
    return (document, stored) if found is None else (found, text)


def _with_comments(text: str, before: tuple[Document, str], document: Document) -> tuple[str, list[int]]:
    """The text with the stored comments, and the lines of comments whose secrets are unknown."""
    if MASK not in text:
        return text, []
    known, stored = before
    source = source_of(text)
    back, lines = restored_comments(source, source_of(stored), partial(without, known), partial(without, document))
    above = lines_above(text)
    return back, [above + line for line in lines]


def _with_values(
    text: str, with_comments: str, stored: str, masks: MaskedText, document: Document
) -> tuple[str, list[int]]:
    """The text to store, and the lines of masks outside the document whose secrets are unknown.

    The page shows no byte order mark; one that is stored stays.
    """
    back = with_stand_ins(with_comments).removeprefix(BYTE_ORDER_MARK)
    whole = text_with(masks.unmasked(back), document)
    above = lines_above(text)
    mark = BYTE_ORDER_MARK if stored.startswith(BYTE_ORDER_MARK) and not whole.startswith(BYTE_ORDER_MARK) else ""
    return mark + with_masks(whole), [above + line for line in masks.lost(source_of(back), whole)]


def _astray(text: str, stored: str) -> list[int]:
    """The lines of masks in places that cannot hold a secret, such as keys."""
    source = source_of(with_stand_ins(text))
    above = lines_above(text)
    return [above + line for line in masks_astray(source, source_of(stored))]


def _missing_in_comment(line: int) -> Finding:
    return replace(missing_secret("", _("The comment in line %d") % line), line=line)


def _missing_beside(line: int) -> Finding:
    return replace(missing_secret("", _("Line %d") % line), line=line)


def _without_stand_ins(finding: Finding) -> Finding:
    return with_texts(finding, without_stand_ins)


def _marks(findings: Iterable[Finding]) -> tuple[Mark, ...]:
    found = [
        Mark(each.line or 1, each.column or 1, _tone(each), each.message, each.hint)
        for each in findings
        if each.severity.value in _TONES
    ]
    return tuple(sorted(found, key=lambda mark: (mark.line, mark.column)))


def _tone(finding: Finding) -> str:
    return "warning" if finding.waived else "waiting" if finding.absent else _TONES[finding.severity.value]
