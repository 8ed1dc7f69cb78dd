"""What the log of a run promises, measured with real processes and a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.apart import measured_apart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.row import Row


def rows() -> Iterator[Row]:
    """A row for each promise; measured in a process and a data directory of their own."""
    yield from measured_apart("tests.bench.log_measured", seconds=900)
