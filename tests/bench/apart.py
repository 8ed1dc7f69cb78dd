"""Measurements in a process and a data directory of their own: what they set up touches nobody else."""

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
SECONDS = 900


def measured(module: str) -> Iterator[Row]:
    """The rows that a module of this package prints as JSON."""
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as place:
        found = subprocess.run(
            [sys.executable, "-m", f"tests.bench.{module}"],
            cwd=ROOT,
            env={**os.environ, "SLIPWAY_DATA_DIR": place, "SLIPWAY_LOG_LEVEL": "ERROR"},
            stdout=subprocess.PIPE,
            text=True,
            timeout=SECONDS,
            check=True,
        )
    for values in json.loads(found.stdout):
        yield Row(**values)
