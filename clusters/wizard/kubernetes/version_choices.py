"""What is known about each Kubernetes version, as groups and sentences; and what the artifact source lacks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from clusters.catalog.fitting import NothingFits, fit_of
from clusters.catalog.needed import parts
from clusters.config.kubernetes_versions import PROVEN_WITH, is_known, newest_proven, standing_of
from clusters.errors import ConfigError, InstallerError
from clusters.runs.artifact_source import available_versions

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from clusters.config.kubernetes_versions import Standing
    from clusters.config.schema import Document
    from clusters.engine.source import Source
    from clusters.wizard.kubernetes.artifact_choices import Offered

SEEN_WHOLE = 20
"""Up to this number, versions are not grouped by series."""

SHOWN = 6
"""The number of the source's versions that a sentence lists."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A fact about a version: the tone and icon of a state, a word, and a sentence that explains it."""

    tone: str
    icon: str
    word: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Missing:
    """A version that the source does not have, the versions it has, and the best of these as a one-click choice.

    `take` is empty when Slipway knows none of them.
    """

    version: str
    has: str
    more: int
    take: str
    proven: bool


def marks_of(version: str) -> tuple[Mark, ...]:
    """What is known about a version today: proven or not, and whether upstream ended its series."""
    standing = standing_of(version, timezone.localdate())
    if standing is None:
        text = _("Slipway does not know this version, so it cannot be installed.")
        return (Mark("failed", "cross", _("Unknown"), text),)
    if standing.proven:
        text = _("Slipway has installed exactly this version on its lab machines.")
        found = [Mark("changed", "check", _("Proven"), text)]
    else:
        text = _("The kubeadm files of this series were compared, but Slipway has never run this version.")
        found = [Mark("warning", "warning", _("Not proven"), text)]
    if standing.ended is not None:
        day = date_format(standing.ended, "DATE_FORMAT")
        text = _("Upstream ended this series on %(day)s: it no longer gets fixes, including security fixes.")
        found.append(Mark("warning", "clock", _("Ended upstream"), text % {"day": day}))
    return tuple(found)


def marks_of_parts(document: Document, source: Source | None) -> tuple[Mark, ...]:
    """What is known about the components that the source has for the document's version."""
    found: list[Mark] = []
    version, others = document.kubernetes.version, []
    ran = PROVEN_WITH.get(version, {})
    for component in _parts(document, source, version):
        try:
            brought = source.version_of(component, version) if source is not None else ""
        except NothingFits as error:
            found.append(Mark("failed", "cross", _("Incompatible"), error.message))
            continue
        except InstallerError:
            # The Prechecks page reports what the source lacks.
            continue
        if doubt := fit_of(component, brought, version).doubt:
            found.append(Mark("warning", "warning", _("Not tested together"), f"{doubt}."))
        elif brought != ran.get(component, brought):
            words = {"part": component, "brought": brought, "ran": ran[component]}
            others.append(_("%(part)s %(brought)s (lab: %(ran)s)") % words)
    if others:
        text = _("This source has other component versions than the lab tested: %(parts)s.")
        found.append(Mark("warning", "warning", _("Other components"), text % {"parts": ", ".join(others)}))
    return tuple(found)


def does_not_fit(document: Document, source: Source | None, version: str) -> bool:
    """Whether the source has a component that is incompatible with this version."""
    for component in _parts(document, source, version):
        try:
            if source is not None:
                source.version_of(component, version)
        except NothingFits:
            return True
        except InstallerError:
            continue
    return False


def _parts(document: Document, source: Source | None, version: str) -> tuple[str, ...]:
    """The components that an installation of this version needs."""
    if source is None or version not in source.kubernetes_versions():
        return ()
    try:
        return parts(document)
    except InstallerError:
        return ()


def grouped(versions: Iterable[str], *chosen: str, held: bool, unfit: Container[str] = ()) -> list[tuple[str, Any]]:
    """The version choices, grouped by what is known about them; chosen versions are included even if not in the source.

    `unfit` are versions that are incompatible with components of the source.

    If there are many, unproven versions are also grouped by series.
    """
    offered = list(versions)
    groups: dict[str, list[tuple[str, str]]] = {}
    for version in dict.fromkeys(chosen):
        if version not in offered:
            label = _("%(version)s (not in the source)") % {"version": version} if held else version
            groups.setdefault(_("In this draft"), []).append((version, label))
    many, today = len(offered) > SEEN_WHOLE, timezone.localdate()
    for version in sorted(offered, key=lambda each: not newest_proven((each,))):
        standing = standing_of(version, today)
        both = standing is not None and standing.proven and standing.ended is not None
        label = _("%(version)s (ended upstream)") % {"version": version} if both else version
        if version in unfit:
            label = _("%(version)s (incompatible with parts of the source)") % {"version": version}
        series = version.rpartition(".")[0] if many else ""
        groups.setdefault(_group(standing, series), []).append((version, label))
    return [*groups.items()]


def _group(standing: Standing | None, series: str) -> str:
    """The name of a version's group; with the series, if one is given."""
    if standing is None:
        return _("Unknown")
    if standing.proven:
        return _("Proven by Slipway")
    if series:
        text = _("%(series)s: ended upstream, not proven") if standing.ended else _("%(series)s: not proven")
        return text % {"series": series}
    return _("Ended upstream, not proven") if standing.ended else _("Not proven: files compared only")


def missing(version: str, offered: Offered) -> Missing | None:
    """A record that the source lacks a version; None when it has it or its contents are unknown."""
    if not offered.held or version in offered.versions:
        return None
    has, more = ", ".join(offered.versions[:SHOWN]), max(len(offered.versions) - SHOWN, 0)
    proven = newest_proven(offered.versions)
    take = proven or next(filter(is_known, offered.versions), "")
    return Missing(version, has, more, take=take, proven=bool(proven))


def with_version(document: Document, version: str) -> Document:
    """The document with a version of the source. Raises ConfigError when the source does not have it."""
    if version not in available_versions():
        raise ConfigError(
            _("The artifact source does not have Kubernetes %(version)s.") % {"version": version[:40]},
            hint=_("The source may have changed since this page was opened: reload the page."),
        )
    return document.model_copy(update={"kubernetes": document.kubernetes.model_copy(update={"version": version})})
