"""Too few processors, too little memory or disk, and mixed architectures are reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.engine.check import CHECKS
from tests.catalog.prechecks.findings import Case, expect_measured, found
from tests.catalog.pretend import pretend

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "case",
    [
        ("hw.cpu_role", "node1", {"cpus": 1}, "error", "1 processor"),
        ("hw.ram_role", "node1", {"memory_mb": 1000}, "error", "1000 MiB of memory, its roles need 1700"),
        ("hw.disk_free_role", "node3", {"var_free_mb": 900}, "error", "900 MiB free"),
        ("hw.disk_free_role", "node3", {"var_free_mb": 9000}, "warning", "20000 MiB are recommended"),
    ],
)
def test_a_bad_machine_is_reported_with_what_was_measured(
    case: Case, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_measured(case, archive, monkeypatch)


def test_machines_of_two_architectures_are_told_once(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, node3={"arch": "arm64"})
    (finding,) = found("arch.uniform", cluster)
    assert finding.message == "The machines are of several architectures: 2 × amd64, 1 × arm64."
    assert CHECKS.checks["arch.uniform"].on == "first-control-plane"
    cluster, _, _ = pretend(monkeypatch, archive)
    assert not found("arch.uniform", cluster)
