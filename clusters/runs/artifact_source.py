"""The artifact source of this installation."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.conf import settings

from clusters.catalog.sources import open_source
from clusters.config.kubernetes_versions import is_known, newest_proven
from clusters.errors import SourceError

if TYPE_CHECKING:
    from clusters.engine.source import Source

log = logging.getLogger(__name__)


def configured_source() -> Source:
    """The source that the settings SLIPWAY_ARTIFACTS… name, with its files in the data directory.

    Raises SourceError.
    """
    return open_source(
        settings.SLIPWAY_ARTIFACTS,
        cache=settings.SLIPWAY_DATA_DIR / "artifacts",
        mirrors=settings.SLIPWAY_ARTIFACTS_MIRRORS,
        index_sha256=settings.SLIPWAY_ARTIFACTS_SHA256,
        allow_http=settings.SLIPWAY_ARTIFACTS_ALLOW_HTTP,
    )


def source_is_upstream() -> bool:
    """Whether the settings name no source, so that files come from the upstream projects."""
    return not settings.SLIPWAY_ARTIFACTS


def readable_source() -> Source | None:
    """The source, for pages; None when it cannot be read."""
    try:
        return configured_source()
    except SourceError as error:
        log.warning("The versions of the artifact source cannot be listed: %s", error)
        return None


def available_versions() -> tuple[str, ...]:
    """The Kubernetes versions that can be installed from the source, newest first; none when it cannot be read."""
    source = readable_source()
    return source.kubernetes_versions() if source is not None else ()


def starter_version() -> str:
    """The version of a new draft: the newest proven version of the source, else the newest that is known.

    If the source cannot be read, or has none of these, the newest proven of all: an installation then reports what is
    missing.
    """
    found = available_versions()
    return newest_proven(found) or next(filter(is_known, found), newest_proven())
