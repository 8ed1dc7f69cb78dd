"""Rules across fields: each a small function in a module of this package, found by walking it. `check()` runs all."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from clusters.config.rules.registry import registered

if TYPE_CHECKING:
    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_SECTIONS = (
    "metadata",
    "spec.hosts",
    "spec.roleGroups",
    "spec.controlPlaneEndpoint",
    "spec.kubernetes",
    "spec.etcd",
    "spec.network",
    "spec.registry",
)


@cache
def _discover() -> None:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")


def check(document: Document) -> tuple[Finding, ...]:
    """Everything that is wrong or worth knowing, in the order of the document's sections."""
    _discover()
    found = [finding for rule in registered() for finding in rule(document)]
    return tuple(sorted(found, key=_section))


def _section(finding: Finding) -> int:
    start = ".".join(finding.path.split(".")[:2]) if finding.path.startswith("spec") else finding.path.split(".")[0]
    return _SECTIONS.index(start) if start in _SECTIONS else len(_SECTIONS)
