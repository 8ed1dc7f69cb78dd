"""Tell the build which packages Slipway needs: those of requirements.txt, which stays the only list of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class Requirements(MetadataHookInterface):
    """Fills in `dependencies`, which pyproject.toml declares as dynamic."""

    def update(self, metadata: dict[str, Any]) -> None:
        """One requirement per line, without comments."""
        lines = (Path(self.root) / "requirements.txt").read_text(encoding="utf-8").splitlines()
        required = [line.partition(" #")[0].strip() for line in lines]
        metadata["dependencies"] = [line for line in required if line and not line.startswith("#")]
