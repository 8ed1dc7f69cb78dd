"""What the engine costs beyond the commands it runs: beside bare SSH channels, and beside ansible-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.apart import measured_apart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.row import Row


def rows() -> Iterator[Row]:
    """A row for each alternative; measured in a process and a data directory of their own."""
    yield from measured_apart("tests.bench.engine_measured", seconds=3_600)
