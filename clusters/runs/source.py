"""The artifact source that this installation was told to use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from clusters.catalog.sources import open_source

if TYPE_CHECKING:
    from clusters.engine.source import Source


def configured_source() -> Source:
    """The source of SLIPWAY_ARTIFACTS and SLIPWAY_ARTIFACTS_MIRRORS, with its files below the data directory.

    Raises SourceError.
    """
    return open_source(
        settings.SLIPWAY_ARTIFACTS,
        cache=settings.SLIPWAY_DATA_DIR / "artifacts",
        mirrors=settings.SLIPWAY_ARTIFACTS_MIRRORS,
    )


def source_is_upstream() -> bool:
    """Whether nothing else was named, so that files come from those who publish them."""
    return not settings.SLIPWAY_ARTIFACTS
