"""Finding: an error, a warning or a note about a document, with an id, a position and a hint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

Positions = Mapping[str, tuple[int, int]]
"""Dotted path -> line and column in the document's text, both starting at 1."""


class Severity(StrEnum):
    """The severity of a finding: an error blocks the installation, a warning must be acknowledged."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """`path` is a dotted path in the document (`spec.hosts.1.address`); line and column start at 1, 0 is unknown.

    `found` is the current and `allowed` the allowed value, both as text without secrets; either may be empty.
    `waivable`: a user may waive it; then it is `waived` and does not block. `absent`: nothing was entered yet; it
    blocks, and the wizard shows it as something to do instead of as an error.
    """

    id: str
    severity: Severity
    message: str
    hint: str = ""
    path: str = ""
    line: int = 0
    column: int = 0
    hosts: tuple[str, ...] = ()
    found: str = ""
    allowed: str = ""
    file: str = ""
    waivable: bool = False
    waived: bool = False
    absent: bool = False

    @property
    def blocking(self) -> bool:
        """Whether the installation must not start."""
        return self.severity is Severity.ERROR and not self.waived


def error(
    id: str,
    path: str,
    message: str,
    *,
    hint: str = "",
    hosts: tuple[str, ...] = (),
    found: str = "",
    allowed: str = "",
) -> Finding:
    """A finding that blocks."""
    return Finding(id, Severity.ERROR, message, hint, path, hosts=hosts, found=found, allowed=allowed)


def absent(id: str, path: str, message: str, *, hint: str) -> Finding:
    """A finding that blocks because a list that must not be empty has no entry yet."""
    return Finding(id, Severity.ERROR, message, hint, path, found="none", allowed="at least 1", absent=True)


def warning(
    id: str,
    path: str,
    message: str,
    *,
    hint: str = "",
    hosts: tuple[str, ...] = (),
    found: str = "",
    allowed: str = "",
) -> Finding:
    """A finding that must be acknowledged."""
    return Finding(id, Severity.WARNING, message, hint, path, hosts=hosts, found=found, allowed=allowed)


def info(
    id: str,
    path: str,
    message: str,
    *,
    hint: str = "",
    hosts: tuple[str, ...] = (),
    found: str = "",
    allowed: str = "",
) -> Finding:
    """A finding for information only."""
    return Finding(id, Severity.INFO, message, hint, path, hosts=hosts, found=found, allowed=allowed)


def locate(findings: Iterable[Finding], positions: Positions, file: str = "") -> tuple[Finding, ...]:
    """The findings with file, line and column; a path that is not in the file (a missing key) gets its parent's."""
    placed = (finding if finding.line else _placed(finding, positions) for finding in findings)
    return tuple(replace(finding, file=file) if file and not finding.file else finding for finding in placed)


def _placed(finding: Finding, positions: Positions) -> Finding:
    path = finding.path
    while path:
        if path in positions:
            line, column = positions[path]
            return replace(finding, line=line, column=column)
        path = path.rpartition(".")[0]
    return finding


def format_finding(finding: Finding, *, file: str = "") -> str:
    """`FILE:line:col path - message (hint)`; unknown parts are left out."""
    place = ":".join(
        part for part in (file or finding.file, str(finding.line or ""), str(finding.column or "")) if part
    )
    start = " ".join(part for part in (place, finding.path) if part)
    hint = f" ({finding.hint})" if finding.hint else ""
    return f"{start} - {finding.message}{hint}" if start else f"{finding.message}{hint}"
