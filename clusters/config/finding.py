"""Finding: one thing that is wrong or worth knowing, with an id, a place and a way out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
