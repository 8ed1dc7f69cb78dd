"""What the log promises: `python -m tests.bench.bench_log` measures it with real processes and a real browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    Row = tuple[str, str, str, bool]

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 900


def rows() -> list[Row]:
    """(what, measured, must, kept) of each promise; in a process and a data directory of their own."""
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
    return [(what, measured, must, bool(kept)) for what, measured, must, kept in json.loads(found.stdout)]


def printed(found: Iterable[Row]) -> bool:
    """Print the rows; says whether every promise was kept."""
    kept = True
    for what, measured, must, good in found:
        print(f"{what} | {measured} | {must} | {'kept' if good else 'MISSED'}")
        kept = kept and good
    return kept


if __name__ == "__main__":
    sys.exit(0 if printed(rows()) else 1)
