"""Finding: one thing that is wrong or worth knowing, with an id, a place and a way out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

Positions = Mapping[str, tuple[int, int]]
"""Dotted path -> line and column, both from 1, of what a document was read from."""


class Severity(StrEnum):
    """How much a finding weighs: an error blocks the installation, a warning wants to be acknowledged."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """`path` is a dotted path in the document (`spec.hosts.1.address`); line and column count from 1, 0 is unknown.

    `found` is what stands there and `allowed` what could, both for people and never a secret; either may be empty.
    `waivable`: somebody may answer for it, and then it is `waived` and blocks no longer.
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
    """A finding that wants to be acknowledged."""
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
    """A finding that is only worth knowing."""
    return Finding(id, Severity.INFO, message, hint, path, hosts=hosts, found=found, allowed=allowed)


def locate(findings: Iterable[Finding], positions: Positions, file: str = "") -> tuple[Finding, ...]:
    """The findings with file, line and column; a path that is not in the file (a missing key) has its parent's."""
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
    """`FILE:line:col path - message (hint)`; parts that are not known are left out."""
    place = ":".join(
        part for part in (file or finding.file, str(finding.line or ""), str(finding.column or "")) if part
    )
    start = " ".join(part for part in (place, finding.path) if part)
    hint = f" ({finding.hint})" if finding.hint else ""
    return f"{start} - {finding.message}{hint}" if start else f"{finding.message}{hint}"
