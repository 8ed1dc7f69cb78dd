"""What a precheck finds on one machine of a pretended cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.engine.check import CHECKS
from tests.catalog.pretend import pretend

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster


Case = tuple[str, str, dict[str, Any], str, str]
"""A precheck, a machine, facts of it, and the severity and words of the finding; both empty where there is none."""


def found(check: str, cluster: Cluster, name: str = "node1") -> list[Finding]:
    """The findings of a precheck on one machine."""
    return list(CHECKS.checks[check].body(cluster.machine(name), cluster))


def measured(
    check: str, name: str, facts: dict[str, Any], archive: Path, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[str, str]]:
    """Severity and message of each finding on a machine with these facts among good machines."""
    cluster, _, _ = pretend(monkeypatch, archive, **{name: facts})
    return [(finding.severity.value, finding.message) for finding in found(check, cluster, name)]


def expect_measured(case: Case, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The precheck has the finding of the case and no other."""
    check, name, facts, severity, words = case
    findings = measured(check, name, facts, archive, monkeypatch)
    assert [each for each, _ in findings] == ([severity] if severity else [])
    assert all(words in message for _, message in findings)
