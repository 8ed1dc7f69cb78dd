"""Observed architectures beside those in the document: shows where they differ, copies them into the document."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.config.rules.hosts import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clusters.config.schema import Document
    from clusters.selectors import ProbeView


@dataclass(frozen=True, slots=True)
class Architectures:
    """`otherwise`: name, documented and observed value; `kinds`: counts, set only when the machines differ."""

    otherwise: tuple[tuple[str, str, str], ...] = ()
    kinds: tuple[tuple[str, int], ...] = ()


def architectures(document: Document, probes: Iterable[ProbeView]) -> Architectures:
    """What the last tests observed; for a machine changed since, the document's value counts."""
    seen = _seen(probes)
    otherwise = [(each.name, each.arch, seen[each.name]) for each in document.hosts if each.name in seen]
    kinds = Counter(seen.get(each.name, each.arch) for each in document.hosts)
    return Architectures(
        tuple(each for each in otherwise if each[1] != each[2]),
        tuple(sorted(kinds.items())) if seen and len(kinds) > 1 else (),
    )


def as_seen(document: Document, probes: Iterable[ProbeView]) -> Document:
    """The document with the observed architectures."""
    seen = _seen(probes)
    hosts = (each.model_copy(update={"arch": seen.get(each.name, each.arch)}) for each in document.hosts)
    return document.model_copy(update={"hosts": tuple(hosts)})


def _seen(probes: Iterable[ProbeView]) -> dict[str, str]:
    found = {probe.host: probe.facts.get("arch", "") for probe in probes if not probe.stale}
    return {name: arch for name, arch in found.items() if arch in ARCHITECTURES}
