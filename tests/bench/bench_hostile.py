"""What the web process stands: a minute of everything that was ever sent to harm it, at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.apart import measured_apart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.row import Row


def rows() -> Iterator[Row]:
    """Its answers and its memory meanwhile; measured in a process and a data directory of their own."""
    yield from measured_apart("tests.bench.hostile_measured", seconds=600)
