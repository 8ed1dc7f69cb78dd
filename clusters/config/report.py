"""Checks files and reports the findings as lines or as data, as `manage.py config check` prints them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from clusters.config.finding import Finding, Severity, format_finding, locate
from clusters.config.load import Loaded, load
from clusters.config.rules import check

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from clusters.errors import InstallerError

_TITLES = {Severity.ERROR: "Errors", Severity.WARNING: "Warnings", Severity.INFO: "Notes"}


@dataclass(frozen=True, slots=True)
class Report:
    """Lines to print, the same as data, and whether an error blocks."""

    lines: tuple[str, ...]
    data: dict[str, Any]
    failed: bool


def findings_of(loaded: Loaded, *, file: str = "", waivers: Collection[str] = ()) -> tuple[Finding, ...]:
    """The findings of reading and, if there is a document, of the rules, with file, line and column."""
    if loaded.document is None:
        return loaded.findings
    return loaded.findings + locate(check(loaded.document, waivers), loaded.positions, file)


def report(sources: Iterable[tuple[str, str | InstallerError]], waivers: Collection[str] = ()) -> Report:
    """Check texts, each with its file name: errors first, then warnings, each as FILE:line:col.

    In place of a text may be the reason why its file cannot be read.
    """
    lines: list[str] = []
    files: list[dict[str, Any]] = []
    failed = False
    for file, text in sources:
        loaded = load(text, file=file) if isinstance(text, str) else Loaded(None, (_unreadable(text, file),))
        found = findings_of(loaded, file=file, waivers=waivers)
        blocked = any(finding.blocking for finding in found)
        failed = failed or blocked
        for title, chosen in _grouped(found):
            if chosen:
                lines.append(f"{title} in {file}:")
            lines += [f"  {format_finding(finding, file=file)} [{_label(finding)}]" for finding in chosen]
        lines.append(_summary(file, found))
        findings = [as_data(finding) for finding in found]
        files.append({"file": file, "dialect": loaded.dialect, "installable": not blocked, "findings": findings})
    return Report(tuple(lines), {"files": files}, failed)


def _unreadable(problem: InstallerError, file: str) -> Finding:
    return Finding("file.unreadable", Severity.ERROR, problem.message, problem.hint, file=file)


def as_data(finding: Finding) -> dict[str, Any]:
    """A finding as plain data, for JSON."""
    return {**asdict(finding), "severity": finding.severity.value, "hosts": list(finding.hosts)}


def _grouped(found: tuple[Finding, ...]) -> Iterable[tuple[str, list[Finding]]]:
    for severity, title in _TITLES.items():
        yield title, [finding for finding in found if finding.severity is severity and not finding.waived]
    yield "Waived", [finding for finding in found if finding.waived]


def _label(finding: Finding) -> str:
    return f"{finding.id}, may be waived" if finding.waivable and not finding.waived else finding.id


def _summary(file: str, found: tuple[Finding, ...]) -> str:
    errors = sum(finding.blocking for finding in found)
    warnings = sum(finding.severity is Severity.WARNING for finding in found)
    waived = sum(finding.waived for finding in found)
    counted = [
        f"{count} {word}{'s' if count != 1 else ''}" for count, word in ((errors, "error"), (warnings, "warning"))
    ]
    rest = f", {waived} waived" if waived else ""
    return f"{file}: {'cannot be installed' if errors else 'can be installed'}, {' and '.join(counted)}{rest}."
