"""Golden files: the text that is written to machines, as files; SLIPWAY_GOLDEN=write writes them again."""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str, text: str) -> None:
    """The text equals the golden file."""
    path = GOLDEN / name
    if os.environ.get("SLIPWAY_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{name} differs; SLIPWAY_GOLDEN=write writes it again"
