"""What the log promises: `make bench BENCH=log` measures it with real processes and a real browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.row import Told

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 900


def rows() -> list[Told]:
    """A row for each promise, measured in a process and a data directory of their own."""
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as place:
        found = subprocess.run(
            [sys.executable, "-m", "tests.bench.log_measured"],
            cwd=ROOT,
            env={**os.environ, "SLIPWAY_DATA_DIR": place, "SLIPWAY_LOG_LEVEL": "ERROR"},
            stdout=subprocess.PIPE,
            text=True,
            timeout=SECONDS,
            check=True,
        )
    return [Told(what, measured, must, bool(kept)) for what, measured, must, kept in json.loads(found.stdout)]
