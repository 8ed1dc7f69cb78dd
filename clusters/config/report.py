"""Checks files and reports the findings as lines or as data, as `manage.py config check` prints them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from clusters.config.dialects.v4.words import in_words_of
from clusters.config.file_sets import file_sets
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
    """The findings of reading and, if there is a document, of the rules, with file, line and column.

    For KubeKey 4's files, they name the keys of these files.
    """
    found = loaded.findings
    if loaded.document is not None:
        found += locate(check(loaded.document, waivers), loaded.positions, file)
    return in_words_of(loaded.dialect, found)


def report(sources: Iterable[tuple[str, str | InstallerError]], waivers: Collection[str] = ()) -> Report:
    """Check texts, each with its file name: errors first, then warnings, each as FILE:line:col.

    KubeKey 4's Inventory and Config are checked together. In place of a text may be the reason why its file cannot be
    read.
    """
    lines: list[str] = []
    data: list[dict[str, Any]] = []
    failed = False
    given = list(sources)
    problems = {name: text for name, text in given if not isinstance(text, str)}
    for files in file_sets((name, text if isinstance(text, str) else "") for name, text in given):
        file, problem = files.name, problems.get(files.name)
        loaded = load(files.text) if problem is None else Loaded(None, (_unreadable(problem),))
        found = files.placed(findings_of(loaded, waivers=waivers))
        blocked = any(finding.blocking for finding in found)
        failed = failed or blocked
        for title, chosen in _grouped(found):
            if chosen:
                lines.append(f"{title} in {file}:")
                lines += [f"  {format_finding(finding)} [{_label(finding)}]" for finding in chosen]
        lines.append(_summary(file, found))
        findings = [as_data(finding) for finding in found]
        data.append({"file": file, "dialect": loaded.dialect, "installable": not blocked, "findings": findings})
    return Report(tuple(lines), {"files": data}, failed)


def _unreadable(problem: InstallerError) -> Finding:
    return Finding("file.unreadable", Severity.ERROR, problem.message, problem.hint)


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
