"""What can be chosen: lists that come from the artifact source rather than from the document."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.utils.translation import gettext as _

from clusters.config.versions import known_versions
from clusters.runs.artifact_source import readable_source, source_is_upstream

if TYPE_CHECKING:
    from clusters.engine.source import Source


class Offered(NamedTuple):
    """Versions to choose from, newest first, and a hint that says where they come from.

    `held` says that the source was read and has exactly these; otherwise nobody knows what it has. `source` is it.
    """

    versions: tuple[str, ...]
    hint: str
    held: bool
    source: Source | None = None


def kubernetes_versions() -> Offered:
    """What to choose from, with a hint that claims no source that is not there.

    Without a source these are all known versions: a draft can be written, and an installation says what is missing.
    """
    source = readable_source()
    found = source.kubernetes_versions() if source is not None else ()
    if not found:
        hint = _("Every known version; no artifact source can be read, so none can be installed yet.")
        return Offered(known_versions(), hint, held=False)
    if source_is_upstream():
        hint = _("Downloaded from the upstream projects when the cluster is installed.")
        return Offered(found, hint, held=True, source=source)
    return Offered(found, _("What the artifact source holds."), held=True, source=source)
