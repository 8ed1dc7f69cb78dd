"""The series before the newest: three machines are installed with it and answer, and a second run changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.ha import layouts
from tests.ha.installed import install, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.lab import Lab

pytestmark = [pytest.mark.series_before, pytest.mark.lab, pytest.mark.timeout(900)]


def test_the_series_before_installs_and_a_second_run_changes_nothing(
    lab: Lab, bundle_before: Path, tmp_path: Path
) -> None:
    cluster = install(lab, replace(layouts.THREE_MACHINES, version=layouts.BEFORE), bundle_before, tmp_path)
    nodes = cluster.kubectl_json("get", "nodes")["items"]
    assert cluster.ready_nodes() == set(layouts.THREE)
    assert {node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes} == {layouts.BEFORE}
    wait_until(
        lambda: _dns_is_there(cluster.kubectl_json("get", "deployment", "coredns", "-n", "kube-system")), 60, "DNS"
    )
    assert "nothing changed" in cluster.create()


def _dns_is_there(deployment: dict[str, dict[str, int]]) -> bool:
    return deployment["status"].get("availableReplicas", 0) == deployment["spec"]["replicas"]
