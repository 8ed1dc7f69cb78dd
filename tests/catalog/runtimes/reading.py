"""Golden files: what is written for machines, kept as files; SLIPWAY_GOLDEN=write makes them anew."""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str, text: str) -> None:
    """The text is what the golden file says."""
    path = GOLDEN / name
    if os.environ.get("SLIPWAY_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{name} differs; SLIPWAY_GOLDEN=write makes it anew"
