"""What is known of each Kubernetes version: groups of a list and sentences; and what the artifact source lacks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from clusters.catalog.fitting import NothingFits, fit_of
from clusters.catalog.needed import parts
from clusters.config.versions import PROVEN_WITH, is_known, newest_proven, standing_of
from clusters.errors import ConfigError, InstallerError
from clusters.runs.artifact_source import available_versions

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from clusters.config.schema import Document
    from clusters.config.versions import Standing
    from clusters.engine.source import Source
    from clusters.wizard.kubernetes.artifact_choices import Offered

SEEN_WHOLE = 20
"""So many versions need no grouping by series."""

SHOWN = 6
"""So many versions of the source are named in a sentence."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that is known of a version: a state's tone and icon, a word, and the sentence that explains it."""

    tone: str
    icon: str
    word: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Missing:
    """A version that the source does not have, what it has instead, and the best of these, to take in one press.

    `take` is empty where Slipway knows none of them.
    """

    version: str
    has: str
    more: int
    take: str
    proven: bool


def marks_of(version: str) -> tuple[Mark, ...]:
    """What is known of a version today: proven or not, and whether upstream ended its series."""
    standing = standing_of(version, timezone.localdate())
    if standing is None:
        text = _("Slipway does not know this version, so it cannot be installed.")
        return (Mark("failed", "cross", _("Unknown"), text),)
    if standing.proven:
        text = _("Slipway has installed exactly this version on machines of its lab.")
        found = [Mark("changed", "check", _("Proven"), text)]
    else:
        text = _("The files for kubeadm of this series were compared; Slipway has never run this version.")
        found = [Mark("warning", "warning", _("Not proven"), text)]
    if standing.ended is not None:
        day = date_format(standing.ended, "DATE_FORMAT")
        text = _("Upstream ended this series on %(day)s: it gets no more fixes, not even for security.")
        found.append(Mark("warning", "clock", _("Ended upstream"), text % {"day": day}))
    return tuple(found)


def marks_of_parts(document: Document, source: Source | None) -> tuple[Mark, ...]:
    """What is known of the parts that the source brings for the document's version, beside that version itself."""
    found: list[Mark] = []
    version, others = document.kubernetes.version, []
    ran = PROVEN_WITH.get(version, {})
    for component in _parts(document, source, version):
        try:
            brought = source.version_of(component, version) if source is not None else ""
        except NothingFits as error:
            found.append(Mark("failed", "cross", _("Does not go together"), error.message))
            continue
        except InstallerError:
            # What the source lacks, the Prechecks page says.
            continue
        if doubt := fit_of(component, brought, version).doubt:
            found.append(Mark("warning", "warning", _("Not tested together"), f"{doubt}."))
        elif brought != ran.get(component, brought):
            words = {"part": component, "brought": brought, "ran": ran[component]}
            others.append(_("%(part)s %(brought)s (lab: %(ran)s)") % words)
    if others:
        text = _("This source brings other components than the lab tested with this version: %(parts)s.")
        found.append(Mark("warning", "warning", _("Other components"), text % {"parts": ", ".join(others)}))
    return tuple(found)


def does_not_fit(document: Document, source: Source | None, version: str) -> bool:
    """Whether the source has a part for a version that this version refuses."""
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
    """The components that a version of the source would be installed with."""
    if source is None or version not in source.kubernetes_versions():
        return ()
    try:
        return parts(document)
    except InstallerError:
        return ()


def grouped(versions: Iterable[str], *chosen: str, held: bool, unfit: Container[str] = ()) -> list[tuple[str, Any]]:
    """The choices of a version, below what is known of them; what is chosen is among them, held or not.

    `unfit` are those that refuse parts of the source.

    Many versions that are not proven are below their series, too.
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
            label = _("%(version)s (parts of the source do not go with it)") % {"version": version}
        series = version.rpartition(".")[0] if many else ""
        groups.setdefault(_group(standing, series), []).append((version, label))
    return [*groups.items()]


def _group(standing: Standing | None, series: str) -> str:
    """The name of the group that a version is shown in; of its series, if there is one to tell."""
    if standing is None:
        return _("Not known")
    if standing.proven:
        return _("Proven by Slipway")
    if series:
        text = _("%(series)s: ended upstream, not proven") if standing.ended else _("%(series)s: not proven")
        return text % {"series": series}
    return _("Ended upstream, not proven") if standing.ended else _("Not proven: files compared only")


def missing(version: str, offered: Offered) -> Missing | None:
    """That the source does not have a version; None when it has it, or nobody knows what it has."""
    if not offered.held or version in offered.versions:
        return None
    has, more = ", ".join(offered.versions[:SHOWN]), max(len(offered.versions) - SHOWN, 0)
    proven = newest_proven(offered.versions)
    take = proven or next(filter(is_known, offered.versions), "")
    return Missing(version, has, more, take=take, proven=bool(proven))


def with_version(document: Document, version: str) -> Document:
    """The document with a version that the source has. Raises ConfigError when it does not have it."""
    if version not in available_versions():
        raise ConfigError(
            _("The artifact source does not have Kubernetes %(version)s.") % {"version": version[:40]},
            hint=_("It may have changed since this page was opened: reload it."),
        )
    return document.model_copy(update={"kubernetes": document.kubernetes.model_copy(update={"version": version})})
