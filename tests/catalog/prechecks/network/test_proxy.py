"""A proxy that would take the cluster's own addresses is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.catalog.prechecks.network import proxy
from tests.catalog.prechecks.findings import found
from tests.catalog.pretend import pretend

if TYPE_CHECKING:
    from pathlib import Path


PROXY = "HTTPS_PROXY=http://joe:secret@proxy.example:3128\n"


def test_a_proxy_that_takes_the_clusters_own_addresses_is_told_without_its_password(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node2"].answer("env | grep", PROXY + "no_proxy=localhost,.kubesphere.local,10.233.0.0/18\n")
    (finding,) = found("proxy.ok", cluster, "node2")
    assert "use a proxy (proxy.example:3128), even for 10.99.0.11:" in finding.message
    assert "secret" not in finding.message
    hosts["node2"].answer("env | grep", PROXY + "no_proxy=lb.kubesphere.local,10.99.0.0/24,10.233.0.0/16\n")
    assert not found("proxy.ok", cluster, "node2")


@pytest.mark.parametrize(
    ("host", "no_proxy", "through"),
    [
        ("10.1.2.3", "10.0.0.0/8", False),
        ("10.1.2.3", "10.1.2", True),
        ("10.1.2.3", "a.b, 10.1.2.3", False),
        ("lb.example.com", "example.com", False),
        ("lb.example.com", ".example.com", False),
        ("lb.example.com", "*.example.com", False),
        ("lb.example.com", "ample.com", True),
        ("lb.example.com", "", True),
        ("lb.example.com", "*", False),
        ("10.1.2.3", "nonsense/8", True),
    ],
)
def test_no_proxy_is_read_as_gos_programs_read_it(host: str, no_proxy: str, through: bool) -> None:
    assert proxy.bypasses_proxy(host, no_proxy) is not through
