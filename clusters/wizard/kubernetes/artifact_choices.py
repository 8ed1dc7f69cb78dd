"""Choices that come from the artifact source rather than from the document."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.utils.translation import gettext as _

from clusters.config.kubernetes_versions import known_versions
from clusters.runs.artifact_source import readable_source, source_is_upstream

if TYPE_CHECKING:
    from clusters.engine.source import Source


class Offered(NamedTuple):
    """Versions to choose from, newest first, and a hint about where they come from.

    `held`: the source was read and has exactly these; otherwise its contents are unknown. `source` is the source.
    """

    versions: tuple[str, ...]
    hint: str
    held: bool
    source: Source | None = None


def kubernetes_versions() -> Offered:
    """The versions to choose from; the hint names a source only if there is one.

    Without a source these are all known versions: a draft can be edited, and an installation reports what is missing.
    """
    source = readable_source()
    found = source.kubernetes_versions() if source is not None else ()
    if not found:
        hint = _("All known versions; no artifact source is readable, so none can be installed yet.")
        return Offered(known_versions(), hint, held=False)
    if source_is_upstream():
        hint = _("Downloaded from the upstream projects when the cluster is installed.")
        return Offered(found, hint, held=True, source=source)
    return Offered(found, _("Versions in the artifact source."), held=True, source=source)
