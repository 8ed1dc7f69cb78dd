"""A machine belongs to a cluster as soon as it is claimed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from clusters.catalog.claimed import of_a_cluster

if TYPE_CHECKING:
    from pathlib import Path


def test_a_machine_with_an_interrupted_join_keeps_its_routes_to_pods(tmp_path: Path) -> None:
    """It was claimed, and has no kubelet.conf yet; the shell runs the real test."""
    conf, claim = tmp_path / "kubelet.conf", tmp_path / "cluster.json"
    command = of_a_cluster(str(conf), str(claim)).text
    assert subprocess.run(["/bin/sh", "-c", command], check=False).returncode != 0
    claim.write_text("{}")
    assert subprocess.run(["/bin/sh", "-c", command], check=False).returncode == 0
    claim.unlink()
    conf.write_text("x")
    assert subprocess.run(["/bin/sh", "-c", command], check=False).returncode == 0
