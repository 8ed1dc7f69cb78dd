"""What can be chosen: lists that come from the artifact source rather than from the document."""

from __future__ import annotations

import logging

from django.utils.translation import gettext as _

from clusters.config.versions import known_versions
from clusters.errors import SourceError
from clusters.runs.source import configured_source, source_is_upstream

log = logging.getLogger(__name__)


def versions_at_hand() -> tuple[str, ...]:
    """The Kubernetes versions that can be installed from the source, newest first; none when it cannot be read."""
    try:
        return configured_source().kubernetes_versions()
    except SourceError as error:
        log.warning("The versions of the artifact source cannot be listed: %s", error)
        return ()


def kubernetes_versions() -> tuple[tuple[str, ...], str]:
    """What to choose from, and a hint that says where it comes from and claims no source that is not there.

    Without a source these are all known versions: a draft can be written, and an installation says what is missing.
    """
    found = versions_at_hand()
    if not found:
        return known_versions(), _("Every known version; no artifact source can be read, so none can be installed yet.")
    if source_is_upstream():
        return found, _("Downloaded from those who publish it when the cluster is installed.")
    return found, _("What the artifact source holds.")
