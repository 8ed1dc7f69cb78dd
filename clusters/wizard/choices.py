"""What can be chosen: lists that come from the artifact source rather than from the document."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clusters.catalog.sources import open_source
from clusters.config.versions import newest_patches
from clusters.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Offer:
    """The Kubernetes versions to choose from, and a sentence that claims no more than what was looked at."""

    versions: Sequence[str]
    words: str


def versions_at_hand() -> tuple[str, ...]:
    """The Kubernetes versions that can be installed from the source, newest first; none when it cannot be read."""
    try:
        return open_source(settings.SLIPWAY_ARTIFACTS).kubernetes_versions()
    except SourceError as error:
        log.warning("The versions of the artifact source cannot be listed: %s", error)
        return ()


def versions_offered() -> Offer:
    """The versions at hand, or when none is listed the newest of each known series.

    A draft can be written without a source; the run's first check says what is wrong with it.
    """
    found = versions_at_hand()
    if found:
        words = ngettext(
            "The artifact source holds this one version.", "The artifact source holds these %(count)s versions.",
            len(found),
        )  # fmt: skip
        return Offer(found, words % {"count": len(found)})
    if settings.SLIPWAY_ARTIFACTS:
        words = _("The artifact source lists no version now; whether it holds the chosen one is seen in the run.")
    else:
        words = _("No artifact source is configured to compare with; a run sees first whether this version is there.")
    return Offer(newest_patches(), words)
