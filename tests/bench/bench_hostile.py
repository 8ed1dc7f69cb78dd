"""The web process under attack: a minute of all known hostile requests at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.apart import measured_apart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.row import Row


def rows() -> Iterator[Row]:
    """Its answers and its memory meanwhile; measured in a separate process and data directory."""
    yield from measured_apart("tests.bench.hostile_measured", seconds=600)
