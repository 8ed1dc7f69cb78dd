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


def found(check: str, cluster: Cluster, name: str = "node1") -> list[Finding]:
    """The findings of a precheck on one machine."""
    return list(CHECKS.checks[check].body(cluster.machine(name), cluster))


def measured(
    check: str, name: str, facts: dict[str, Any], archive: Path, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[str, str]]:
    """Severity and message of each finding on a machine with these facts among good machines."""
    cluster, _, _ = pretend(monkeypatch, archive, **{name: facts})
    return [(finding.severity.value, finding.message) for finding in found(check, cluster, name)]
