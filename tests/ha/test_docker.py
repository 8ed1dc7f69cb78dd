"""Docker instead of containerd, with an existing etcd, load balancer and private registry: pods run, and a second run
changes nothing."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.ha import changes, given, layouts, private
from tests.ha.application import IMAGE
from tests.ha.installed import prepare, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.ha.installed import Installed
    from tests.lab.lab import Lab

pytestmark = [pytest.mark.seed_era, pytest.mark.lab, pytest.mark.timeout(1200)]


def test_docker_runs_pods_and_a_second_run_changes_nothing(lab: Lab, seed_era_bundle: Path, tmp_path: Path) -> None:
    with _with_existing_etcd_and_balancer(lab, seed_era_bundle, tmp_path) as cluster:
        _nothing_is_done_while_they_are_out_of_reach(cluster)
        cluster.create()
        _docker_runs_them(cluster)
        private.check_images_and_logins(cluster)
        _name_resolves(cluster, seed_era_bundle)
        assert not changes.runs(cluster, "node1", "etcd"), "etcd is somewhere else"
        server = cluster.lab.execute("node2", "grep server: /etc/kubernetes/kubelet.conf").split()[1]
        assert server == f"https://lb.kubesphere.local:{layouts.DOCKER.port}"
        assert "nothing changed" in cluster.create()
    before = lab.execute("node2", "docker ps -q | sort")
    lab.execute("node2", "systemctl restart docker")
    wait_until(lambda: cluster.ready_nodes() == {"node1", "node2"}, 60, "node2 to be Ready after docker's restart")
    assert lab.execute("node2", "docker ps -q | sort") == before, "pods did not keep running while docker restarted"


@contextmanager
def _with_existing_etcd_and_balancer(lab: Lab, bundle: Path, place: Path) -> Iterator[Installed]:
    lab.down()
    first, _, other = lab.up(3)
    layout = replace(layouts.DOCKER, etcd_section=given.etcd(lab, other, bundle, place))
    given.balancer(lab, other, layout.port, first)
    assert layout.address([first]) == other.address
    with private.with_registry(lab, layout, bundle, place) as whole:
        yield prepare(lab, whole, bundle, place, fresh=False)


def _docker_runs_them(cluster: Installed) -> None:
    assert cluster.ready_nodes() == {"node1", "node2"}
    runtimes = {
        item["status"]["nodeInfo"]["containerRuntimeVersion"] for item in cluster.kubectl_json("get", "nodes")["items"]
    }
    assert all(version.startswith("docker://20.10") for version in runtimes), runtimes
    info = json.loads(cluster.lab.execute("node2", "docker info --format '{{json .}}'"))
    assert info["Driver"] == "overlay2" and info["LiveRestoreEnabled"] is True


def _nothing_is_done_while_they_are_out_of_reach(cluster: Installed) -> None:
    rule = f"INPUT -p tcp -m multiport --dports {layouts.DOCKER.port},2379 -j DROP"
    cluster.lab.execute("node3", f"iptables -A {rule}")
    refused = cluster.manage("cluster", "create", "-f", str(cluster.document), "--accept-host-keys", "--yes")
    assert refused.returncode != 0
    output = refused.stdout + refused.stderr
    assert "cannot reach the control plane endpoint" in output and "cannot reach the external etcd" in output
    assert "slipway" not in cluster.lab.execute("node1", "ls /etc")
    cluster.lab.execute("node3", f"iptables -D {rule}")


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
        lambda: cluster.kubectl_json("get", "pod", "asks")["status"]["phase"] == "Succeeded",
        120,
        "a pod to resolve a name",
    )
