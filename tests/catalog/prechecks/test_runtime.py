"""A container runtime that Slipway did not set up is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.catalog.paths import CLAIM
from tests.catalog.prechecks.findings import found
from tests.catalog.pretend import pretend, seed

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_runtime_that_somebody_else_set_up_is_told(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node1"].answer("is-active --quiet", "containerd\n")
    (finding,) = found("cri.already_present", cluster)
    assert finding.severity.value == "warning"
    assert finding.message.startswith("containerd already runs on node1, and Slipway did not set it up")
    hosts["node1"].put(b"{}", CLAIM)
    assert not found("cri.already_present", cluster)


def test_cri_o_is_somebody_elses_by_design(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(kubernetes={"containerManager": "crio"}))
    hosts["node1"].answer("is-active --quiet", "containerd\n")
    assert not found("cri.already_present", cluster)
