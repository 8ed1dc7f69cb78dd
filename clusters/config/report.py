"""Check files and say what was found, line by line, as `manage.py config check` prints it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.config.finding import Finding, Severity, format_finding, locate
from clusters.config.load import Loaded, load
from clusters.config.rules import check

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_TITLES = {Severity.ERROR: "Errors", Severity.WARNING: "Warnings", Severity.INFO: "Worth knowing"}


@dataclass(frozen=True, slots=True)
class Report:
    """Lines to print, and whether something blocks."""

    lines: tuple[str, ...]
    failed: bool


def findings_of(loaded: Loaded, *, file: str = "", waivers: Collection[str] = ()) -> tuple[Finding, ...]:
    """What reading found and, if there is a document, what the rules find, all with file, line and column."""
    if loaded.document is None:
        return loaded.findings
    return loaded.findings + locate(check(loaded.document, waivers), loaded.positions, file)


def report(sources: Iterable[tuple[str, str]]) -> Report:
    """Check texts, each with its file's name: errors first, then warnings, each as FILE:line:col."""
    lines: list[str] = []
    failed = False
    for file, text in sources:
        found = findings_of(load(text))
        failed = failed or any(finding.blocking for finding in found)
        for severity, title in _TITLES.items():
            chosen = [finding for finding in found if finding.severity is severity]
            if chosen:
                lines.append(f"{title} in {file}:")
                lines += [f"  {format_finding(finding, file=file)} [{finding.id}]" for finding in chosen]
        lines.append(_summary(file, found))
    return Report(tuple(lines), failed)


def _summary(file: str, found: tuple[Finding, ...]) -> str:
    errors = sum(finding.severity is Severity.ERROR for finding in found)
    warnings = sum(finding.severity is Severity.WARNING for finding in found)
    counted = [
        f"{count} {word}{'s' if count != 1 else ''}" for count, word in ((errors, "error"), (warnings, "warning"))
    ]
    return f"{file}: {'cannot be installed' if errors else 'can be installed'}, {' and '.join(counted)}."
