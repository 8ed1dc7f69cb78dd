"""What can be chosen: lists that come from the artifact source rather than from the document."""

from __future__ import annotations

import logging

from django.conf import settings

from clusters.catalog.sources import open_source
from clusters.config.versions import newest_patches
from clusters.errors import SourceError

log = logging.getLogger(__name__)


def kubernetes_versions() -> tuple[str, ...]:
    """The Kubernetes versions that can be installed here, newest first.

    When there is no source or it cannot be read, the newest of each known series: the draft can be written
    all the same, and the run's first check says what is wrong with the source.
    """
    try:
        return open_source(settings.SLIPWAY_ARTIFACTS).kubernetes_versions() or newest_patches()
    except SourceError as error:
        log.warning("The versions of the artifact source cannot be listed: %s", error)
        return newest_patches()
