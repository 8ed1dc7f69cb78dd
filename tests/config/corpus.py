"""The files of `cases/`, read once for all tests of a process, and not already while the tests are listed."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from clusters.config.load import Loaded, load

if TYPE_CHECKING:
    from clusters.config.schema import Document

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
NAMES = [case.stem for case in CASES]


@cache
def loaded() -> dict[str, Loaded]:
    """What each file is read as, by its name."""
    return {case.stem: load(case.read_text(encoding="utf-8"), file=case.name) for case in CASES}


@cache
def documents() -> dict[str, Document]:
    """Those that are documents."""
    return {name: each.document for name, each in loaded().items() if each.document is not None}
