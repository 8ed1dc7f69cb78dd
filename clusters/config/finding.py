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
    """`path` is a dotted path in the document (`spec.hosts.1.address`); line and column count from 1, 0 is unknown."""

    id: str
    severity: Severity
    message: str
    hint: str = ""
    path: str = ""
    line: int = 0
    column: int = 0
    hosts: tuple[str, ...] = ()

    @property
    def blocking(self) -> bool:
        """Whether the installation must not start."""
        return self.severity is Severity.ERROR


def error(id: str, path: str, message: str, *, hint: str = "", hosts: tuple[str, ...] = ()) -> Finding:
    """A finding that blocks."""
    return Finding(id, Severity.ERROR, message, hint, path, hosts=hosts)


def warning(id: str, path: str, message: str, *, hint: str = "", hosts: tuple[str, ...] = ()) -> Finding:
    """A finding that wants to be acknowledged."""
    return Finding(id, Severity.WARNING, message, hint, path, hosts=hosts)


def info(id: str, path: str, message: str, *, hint: str = "", hosts: tuple[str, ...] = ()) -> Finding:
    """A finding that is only worth knowing."""
    return Finding(id, Severity.INFO, message, hint, path, hosts=hosts)


def locate(findings: Iterable[Finding], positions: Positions) -> tuple[Finding, ...]:
    """The findings with line and column; where a path is not in the file (a missing key), its nearest parent's."""
    return tuple(finding if finding.line else _placed(finding, positions) for finding in findings)


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
    place = ":".join(part for part in (file, str(finding.line or ""), str(finding.column or "")) if part)
    start = " ".join(part for part in (place, finding.path) if part)
    hint = f" ({finding.hint})" if finding.hint else ""
    return f"{start} - {finding.message}{hint}" if start else f"{finding.message}{hint}"
