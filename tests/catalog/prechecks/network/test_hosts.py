"""os.hosts_file: what writes /etc/hosts at every boot is reported, unless Slipway can keep its lines there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.catalog.prechecks.findings import found
from tests.catalog.pretend import pretend

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_without_a_template_lines_that_a_reboot_removes_are_a_warning(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node2"].answer("manage_etc_hosts", "template\nthere /etc/cloud/templates/hosts.suse.tmpl\n")
    (finding,) = found("os.hosts_file", cluster, "node2")
    assert finding.severity.value == "warning" and "node2 writes /etc/hosts at every boot" in finding.message
    assert found("os.hosts_file", cluster, "node3") == []
    template = "/etc/cloud/templates/hosts.debian.tmpl"
    hosts["node1"].answer("manage_etc_hosts", f"true\nthere {template}\n")
    assert found("os.hosts_file", cluster, "node1") == []
