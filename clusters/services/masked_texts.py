"""Texts that run as root with masks for their secrets: those the finder detects, and all of the document's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from clusters.config.root_texts import with_masks
from clusters.runs.access.logins import known_secrets
from clusters.runs.events.log_masks import Masks

if TYPE_CHECKING:
    from clusters.config.root_texts import RootFile, RootText
    from clusters.config.schema import Document


def texts_with_masks(stored: str, document: Document, *others: str) -> list[tuple[RootText, RootText]]:
    """Each text of the document that is stored as `stored`, in full and masked; secrets of `others` are masked, too."""
    texts = with_masks(document)
    masks = masks_for(stored, *others) if texts else Masks()
    return [(text, _mask(masked, masks)) for text, masked in texts]


def masks_for(*stored: str) -> Masks:
    """Masks for every secret behind these stored texts."""
    return Masks(secret for text in dict.fromkeys(stored) for secret in known_secrets(text))


def hides(text: RootText, masked: RootText) -> bool:
    """Whether anything of a text is masked."""
    return (masked.text, masked.name, masked.files) != (text.text, text.name, text.files)


def _mask(text: RootText, masks: Masks) -> RootText:
    def mask(file: RootFile) -> RootFile:
        masked = _mask_lines(file.text, masks)
        return replace(file, text=masked, sha256=file.sha256 if masked == file.text else "")

    return replace(text, text=_mask_lines(text.text, masks), files=tuple(map(mask, text.files)))


def _mask_lines(text: str, masks: Masks) -> str:
    return "\n".join(masks.lines(text.split("\n")))
