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


def kubernetes_versions() -> tuple[str, ...]:
    """What to choose from: the versions at hand, or without a source all that are known.

    A draft can be written without a source; an installation says what is missing.
    """
    return versions_at_hand() or known_versions()


def versions_hint() -> str:
    """Says where the versions that can be chosen come from, and nothing of a source that is not there."""
    if source_is_upstream():
        return _("Downloaded from those who publish it when the cluster is installed.")
    if versions_at_hand():
        return _("What the artifact source holds.")
    return _("Every known version; no artifact source can be read, so nothing can be installed yet.")
