"""The promises of a run's log, measured with real processes and a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.apart import measured_apart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.row import Row


def rows() -> Iterator[Row]:
    """A row for each promise; measured in a separate process and data directory."""
    yield from measured_apart("tests.bench.log_measured", seconds=900)
