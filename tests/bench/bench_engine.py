"""The engine's overhead beyond the commands it runs, compared with bare SSH channels and with ansible-core."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tests.bench.apart import measured_apart
from tests.sshd import why_not

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.row import Row


def rows() -> Iterator[Row]:
    """A row for each alternative; measured in a separate process and data directory. None without root."""
    if reason := why_not():
        if os.environ.get("CI") == "true":
            raise SystemExit(f"The bench of the engine {reason}.")
        print(f"The engine is not measured: that {reason}.", file=sys.stderr)
        return
    yield from measured_apart("tests.bench.engine_measured", seconds=3_600)
