"""Every precheck is silent on good machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.engine.check import CHECKS
from tests.catalog.pretend import pretend

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_every_precheck_is_silent_on_good_machines(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    for name, host in hosts.items():
        others = [f"{address} {address} dev eth0" for address in ("10.99.0.11", "10.99.0.12", "10.99.0.13")]
        host.answer("ip -o route get", "\n".join(others))
        meant = [each for each in CHECKS.checks.values() if each.when is None or each.when(cluster.document)]
        assert len(meant) > 25
        for check in meant:
            assert list(check.body(cluster.machine(name), cluster)) == [], f"{check.id} on {name}"
