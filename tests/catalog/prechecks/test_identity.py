"""A machine that cannot be used, is a copy of another, or is Slipway's own server is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.catalog.prechecks import identity
from tests.catalog.prechecks.findings import Case, expect_measured, found
from tests.catalog.pretend import pretend

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "case",
    [
        ("access.facts", "node1", {"arch": "riscv64"}, "error", "riscv64"),
        ("access.facts", "node1", {"arch": "arm64"}, "warning", "the document has amd64"),
        ("host.machine_id_unique", "node2", {"machine_id": "node1"}, "error", "same machine id as node1"),
        ("host.internal_ip_on_nic", "node2", {"addresses": ()}, "", ""),
    ],
)
def test_a_bad_machine_is_reported_with_what_was_measured(
    case: Case, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_measured(case, archive, monkeypatch)


def test_the_machine_slipway_runs_on_is_told(archive: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, place in (("mine", "MACHINE_ID"), ("kernel", "BOOT_ID")):
        (tmp_path / place).write_text(f"{name}\n")
        monkeypatch.setattr(identity, place, tmp_path / place)
    cluster, _, _ = pretend(
        monkeypatch,
        archive,
        node1={"machine_id": "mine"},
        node2={"boot_id": "kernel"},
        node3={"boot_id": "kernel", "virtualization": "systemd-nspawn"},
    )
    check = "host.not_the_installer_itself"
    assert [len(found(check, cluster, name)) for name in ("node1", "node2", "node3")] == [1, 1, 0]
    assert "node2 is the machine that Slipway runs on" in found(check, cluster, "node2")[0].message
