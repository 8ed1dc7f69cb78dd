"""What the engine costs beside the bare library and beside Ansible: forty machines, thirty commands each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.row import Row

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 900


def rows() -> list[Row]:
    """Measured in a process and a data directory of their own, one after the other."""
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as place:
        found = subprocess.run(
            [sys.executable, "-m", "tests.bench.engine_measured"],
            cwd=ROOT,
            env={**os.environ, "SLIPWAY_DATA_DIR": place, "SLIPWAY_LOG_LEVEL": "ERROR"},
            stdout=subprocess.PIPE,
            text=True,
            timeout=SECONDS,
            check=True,
        )
    took = json.loads(found.stdout)
    engine, bare, ansible = took["engine"], took["paramiko"], took["ansible"]
    return [
        Row(
            "40 machines x 30 steps by the engine, stored and watched",
            engine,
            1.3 * bare,
            beside=f"paramiko {bare:.2f} s",
        ),
        Row("the same beside Ansible", engine, 0.25 * ansible, beside=f"ansible-core {ansible:.2f} s"),
    ]
