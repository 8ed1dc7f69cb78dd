"""Restores secrets in a part of a document, as `with_secrets` does for a whole one."""

from __future__ import annotations

from typing import Any

from clusters.config.document_masks.unmask import _found_again, _put_back, _Returning, as_shown


def filled(fresh: Any, before: Any, path: str, missing: set[str]) -> Any:
    """The part as it was typed, with stored secrets; `missing` gets the paths of masks that stand for none."""
    stored = as_shown(before)
    return _found_again(_put_back(fresh, stored, path, _Returning(stored, missing)), missing)
