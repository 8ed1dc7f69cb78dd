"""Rules across fields: each a small function in a module of this package, found by walking it. `check()` runs all."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from clusters.config.document_masks.findings import without_secrets_in
from clusters.config.finding import warning
from clusters.config.rules.registry import registered
from clusters.config.suggestions import share_of_suggestions
from clusters.config.yaml.tree import excerpt

if TYPE_CHECKING:
    from collections.abc import Collection

    from clusters.config.finding import Finding
    from clusters.config.schema import Document

_SECTIONS = (
    "metadata",
    "spec.hosts",
    "spec.jumpHost",
    "spec.roleGroups",
    "spec.controlPlaneEndpoint",
    "spec.system",
    "spec.kubernetes",
    "spec.etcd",
    "spec.dns",
    "spec.network",
    "spec.storage",
    "spec.registry",
    "spec.addons",
    "kubesphere",
)


UNUSED = "waiver.unused"
"""The id of the warning that a waiver did nothing."""


@cache
def _discover() -> None:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")


def check(document: Document, waivers: Collection[str] = ()) -> tuple[Finding, ...]:
    """Everything that is wrong or worth knowing, in the order of the document's sections.

    `waivers` are ids of findings to waive: where the rule allows it, they are returned with `waived` set and do not
    block. A waiver without effect gives a warning. The caller records who waived what.
    No finding quotes a secret of the document, because findings go to pages, acknowledgements and the audit.
    """
    _discover()
    with share_of_suggestions():
        found = [finding for rule in registered() for finding in rule.findings(document)]
    if waivers:
        found = [replace(each, waived=True) if each.waivable and each.id in waivers else each for each in found]
        done = {each.id for each in found if each.waived}
        found += [_unused(id, found) for id in sorted(set(waivers) - done)]
    return without_secrets_in(sorted(found, key=_section), document)


def _unused(id: str, found: list[Finding]) -> Finding:
    why = "it cannot be waived" if any(each.id == id for each in found) else "there is no such finding"
    return warning(UNUSED, "", f"The waiver {excerpt(id)} has no effect: {why}.", found=excerpt(id))


def _section(finding: Finding) -> int:
    start = ".".join(finding.path.split(".")[:2]) if finding.path.startswith("spec") else finding.path.split(".")[0]
    return _SECTIONS.index(start) if start in _SECTIONS else len(_SECTIONS)
