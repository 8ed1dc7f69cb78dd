"""Docker instead of containerd: pods run on two machines and reach each other's services; again changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.ha import layouts
from tests.ha.application import IMAGE
from tests.ha.installed import install, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ha.installed import Installed
    from tests.lab.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]


def test_docker_runs_pods_and_a_second_run_changes_nothing(lab: Lab, lab_bundle: Path, tmp_path: Path) -> None:
    cluster = install(lab, layouts.DOCKER, lab_bundle, tmp_path)
    assert cluster.ready_nodes() == {"node1", "node2"}
    runtimes = {item["status"]["nodeInfo"]["containerRuntimeVersion"] for item in cluster.seen("get", "nodes")["items"]}
    assert all(version.startswith("docker://20.10") for version in runtimes), runtimes
    told = json.loads(lab.execute("node2", "docker info --format '{{json .}}'"))
    assert told["Driver"] == "overlay2" and told["LiveRestoreEnabled"] is True
    _name_resolves(cluster, lab_bundle)
    assert "nothing changed" in cluster.create()
    before = lab.execute("node2", "docker ps -q | sort")
    lab.execute("node2", "systemctl restart docker")
    wait_until(lambda: cluster.ready_nodes() == {"node1", "node2"}, 60, "node2 to be Ready with docker started anew")
    assert lab.execute("node2", "docker ps -q | sort") == before, "pods did not go on while docker was started anew"


def _name_resolves(cluster: Installed, bundle: Path) -> None:
    """A pod on the worker finds the API server's service by its name."""
    (cluster.place / "image").mkdir()
    archive = cluster.place / "image" / "busybox.tar"
    archive.write_bytes((bundle / "images" / "busybox-1.35.tar").read_bytes())
    cluster.lab.send("node2", archive.parent, "/tmp/image")
    cluster.lab.execute("node2", "docker load -i /tmp/image/busybox.tar >/dev/null")
    asks = ["nslookup", "kubernetes.default.svc.cluster.local"]
    cluster.kubectl("run", "asks", f"--image={IMAGE}", "--restart=Never", "--command", "--", *asks)
    wait_until(
        lambda: cluster.seen("get", "pod", "asks")["status"]["phase"] == "Succeeded", 120, "a pod to resolve a name"
    )
