"""What can be chosen: lists that come from the artifact source rather than from the document."""

from __future__ import annotations

import logging

from django.conf import settings
from django.utils.translation import gettext as _

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


def kubernetes_versions() -> tuple[tuple[str, ...], str]:
    """What to choose from, and a hint that says where it comes from and claims no source that is not there.

    A draft can be written without a source; the run's first check says what is wrong with it.
    """
    found = versions_at_hand()
    if found:
        return found, _("What the artifact source holds.")
    return newest_patches(), _("Known versions; no artifact source can be read to compare with.")
