"""Rules across fields: each a small function in a module of this package, found by walking it. `check()` runs all."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from clusters.config.document_masks.findings import without_secrets_in
from clusters.config.finding import Severity, warning
from clusters.config.rules.registry import registered
from clusters.config.suggestions import nearest, share_of_suggestions
from clusters.config.yaml.tree import excerpt
from clusters.gc_freeze import without_collection

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
    with without_collection():
        return _check(document, waivers)


def _check(document: Document, waivers: Collection[str]) -> tuple[Finding, ...]:
    with share_of_suggestions():
        found = [finding for rule in registered() for finding in rule.findings(document)]
    if waivers:
        found = [replace(each, waived=True) if each.waivable and each.id in waivers else each for each in found]
        done = {each.id for each in found if each.waived}
        found += [_unused(id, found) for id in sorted(set(waivers) - done)]
    return without_secrets_in(sorted(found, key=_section), document)


def _unused(id: str, found: list[Finding]) -> Finding:
    """The warning about a waiver without effect: why it has none, and what to do."""
    same = [each for each in found if each.id == id]
    errors = sorted({each.id for each in found if each.waivable})
    near = nearest(id, errors, 0.7)
    if any(each.severity is Severity.ERROR for each in same):
        why, hint = "an error with this id cannot be waived", "Change the document, and remove the waiver."
    elif same:
        why, hint = "only errors are waived, and this one blocks nothing", "Remove the waiver."
    else:
        why = "the document has no finding with this id today"
        hint = f"Did you mean {near}?" if near else "Remove the waiver if the document was corrected."
        hint += "" if near or not errors else f" Errors that can be waived now: {', '.join(errors)}."
        hint += "" if near or errors else " A later version may have another id for the finding: check the document."
    return warning(UNUSED, "", f"The waiver {excerpt(id)} has no effect: {why}.", hint=hint, found=excerpt(id))


def _section(finding: Finding) -> int:
    start = ".".join(finding.path.split(".")[:2]) if finding.path.startswith("spec") else finding.path.split(".")[0]
    return _SECTIONS.index(start) if start in _SECTIONS else len(_SECTIONS)
