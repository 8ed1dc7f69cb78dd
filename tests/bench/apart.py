"""measured_apart(): measurements in a separate process, with a temporary data directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.row import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]


def measured_apart(module: str, *, seconds: float) -> Iterator[Row]:
    """The rows that a module prints as JSON; `seconds` is its time limit."""
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as place:
        found = subprocess.run(
            [sys.executable, "-m", module],
            cwd=ROOT,
            env={**os.environ, "SLIPWAY_DATA_DIR": place, "SLIPWAY_LOG_LEVEL": "ERROR"},
            stdout=subprocess.PIPE,
            text=True,
            timeout=seconds,
            check=True,
        )
    for values in json.loads(found.stdout):
        yield Row(**values)
