"""What can be chosen: lists that come from the artifact source rather than from the document."""

from __future__ import annotations

import logging

from django.conf import settings

from clusters.catalog.sources import open_source
from clusters.config.versions import newest_patches
from clusters.errors import SourceError

log = logging.getLogger(__name__)


def versions_at_hand() -> tuple[str, ...]:
    """The Kubernetes versions that can be installed from the source, newest first; none when it cannot be read."""
    try:
        return open_source(settings.SLIPWAY_ARTIFACTS).kubernetes_versions()
    except SourceError as error:
        log.warning("The versions of the artifact source cannot be listed: %s", error)
        return ()


def kubernetes_versions() -> tuple[str, ...]:
    """What to choose from: the versions at hand, or without a source the newest of each known series.

    A draft can be written without a source; the run's first check says what is wrong with it.
    """
    return versions_at_hand() or newest_patches()
