"""A path of the machine that Slipway runs on is reported, wherever the document names one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.catalog.prechecks.findings import found
from tests.catalog.pretend import pretend, seed

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PEM = "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----"


def test_only_paths_are_reported(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    external = {"endpoints": ["https://10.1.2.3:2379"], "caFile": PEM, "certFile": "/etc/passwd", "keyFile": PEM}
    cluster, _, _ = pretend(monkeypatch, archive, seed(etcd={"type": "external", "external": external}))
    (finding,) = found("document.files", cluster)
    assert finding.blocking
    assert finding.message.startswith("spec.etcd.external.certFile names a file on the machine that Slipway runs on")
