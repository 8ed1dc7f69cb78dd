"""What is known of each Kubernetes version: groups of a list and sentences; and what the artifact source lacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from clusters.config.versions import compare, is_known, newest_proven, standing_of
from clusters.errors import ConfigError
from clusters.runs.source import versions_at_hand

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clusters.config.schema import Document
    from clusters.config.versions import Standing
    from clusters.wizard.choices import Offered

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
    text: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A version that the source does not have, what it has instead, and the best of these, to take in one press."""

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


def grouped(versions: Iterable[str], *chosen: str, held: bool) -> list[tuple[str, Any]]:
    """The choices of a version, below what is known of them; what is chosen is among them, held or not.

    Many versions that are not proven are below their series, too.
    """
    offered = list(versions)
    groups: dict[str, list[tuple[str, str]]] = {}
    for version in dict.fromkeys(chosen):
        if version not in offered:
            absent = held and not any(_same(version, each) for each in offered)
            label = _("%(version)s (not in the source)") % {"version": version} if absent else version
            groups.setdefault(_("In this draft"), []).append((version, label))
    many, today = len(offered) > SEEN_WHOLE, timezone.localdate()
    for version in sorted(offered, key=lambda each: not newest_proven((each,))):
        standing = standing_of(version, today)
        both = standing is not None and standing.proven and standing.ended is not None
        label = _("%(version)s (ended upstream)") % {"version": version} if both else version
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
    if not offered.held or any(_same(version, each) for each in offered.versions):
        return None
    has, more = ", ".join(offered.versions[:SHOWN]), max(len(offered.versions) - SHOWN, 0)
    proven = newest_proven(offered.versions)
    return Missing(version, has, more, take=proven or offered.versions[0], proven=bool(proven))


def with_version(document: Document, version: str) -> Document:
    """The document with a version that the source has. Raises ConfigError when it does not have it."""
    if version not in versions_at_hand():
        raise ConfigError(
            _("The artifact source does not have Kubernetes %(version)s.") % {"version": version[:40]},
            hint=_("It may have changed since this page was opened: reload it."),
        )
    return document.model_copy(update={"kubernetes": document.kubernetes.model_copy(update={"version": version})})


def _same(left: str, right: str) -> bool:
    """Whether two texts mean one version: `1.20.2` is `v1.20.2`."""
    return left == right or (is_known(left) and is_known(right) and compare(left, right) == 0)
