"""kube-vip: its static pod, which kubeconfig it uses, and when it is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from clusters.catalog import load_balancers
from clusters.catalog.load_balancers import kube_vip
from clusters.catalog.steps.kubernetes import join
from clusters.engine.plan import make_plan
from clusters.engine.wants import FileWant
from tests.catalog.pretend import pretend, seed
from tests.plans import waits_for

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.config.schema import Document

THREE = ["node1", "node2", "node3"]


def shared(version: str = "v1.20.2", **kubevip: Any) -> Document:
    return seed(
        roleGroups={"etcd": THREE, "master": THREE, "worker": ["node3"]},
        controlPlaneEndpoint={"internalLoadbalancer": "kube-vip", "address": "10.99.0.200", "kubevip": kubevip},
        kubernetes={"version": version, "proxyMode": "iptables"},
    )


def settings(text: str) -> dict[str, str]:
    (container,) = yaml.safe_load(text)["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"]}


def test_the_interface_is_the_one_with_the_machines_address(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, shared())
    found = settings(kube_vip.manifest(cluster.machine("node2"), cluster))
    assert (found["vip_interface"], found["vip_nodename"], found["address"]) == ("eth0", "node2", "10.99.0.200")
    assert found["vip_leaderelection"] == "true" and "bgp_enable" not in found
    cluster, _, _ = pretend(monkeypatch, archive, shared(interface="bond0"))
    assert settings(kube_vip.manifest(cluster.machine("node2"), cluster))["vip_interface"] == "bond0"


def test_with_bgp_the_address_is_announced_while_the_api_server_is_ready(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peers = [{"address": "10.99.0.1", "as": 65001, "password": "x1y2z3"}, {"address": "fd00::1", "as": 65002}]
    cluster, _, _ = pretend(monkeypatch, archive, shared(mode="BGP", localAS=65010, peers=peers))
    want = kube_vip.wanted(cluster.machine("node3"), cluster)
    assert want.secret and want.mode == 0o600
    found = settings(want.content.decode())
    assert found["bgp_peers"] == "10.99.0.1:65001:x1y2z3:false,[fd00::1]:65002::false"
    assert (found["bgp_as"], found["bgp_routerid"], found["vip_interface"]) == ("65010", "10.99.0.13", "lo")
    assert found["control_plane_health_check_address"] == "https://127.0.0.1:6443/readyz"
    assert "vip_leaderelection" not in found


@pytest.mark.parametrize(("version", "file"), [("v1.28.0", "admin.conf"), ("v1.29.0", "super-admin.conf")])
def test_before_init_kube_vip_uses_the_file_with_rights(
    version: str, file: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, shared(version))
    machine = cluster.machine("node1")
    kube_vip.stand_by(machine, cluster)
    pod = json.loads(hosts["node1"].get(kube_vip.MANIFEST).decode().partition("\n")[2])
    assert pod["spec"]["volumes"][0]["hostPath"] == {"path": f"/etc/kubernetes/{file}", "type": "File"}
    (_, want, _) = kube_vip.kube_vip(machine, cluster)
    assert isinstance(want, FileWant) and "super-admin" not in want.content.decode()


def test_without_kube_vip_no_manifest_is_written(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    load_balancers.record_of(cluster.document).stand_by(cluster.machine("node1"), cluster)
    assert hosts["node1"].files.get(kube_vip.MANIFEST) is None


def test_its_pod_does_not_count_as_an_interrupted_attempt() -> None:
    assert kube_vip.MANIFEST not in join.STATIC_PODS


def test_joins_wait_until_the_shared_address_answers() -> None:
    plan = make_plan(shared())
    assert ("images/kube-vip", "node1") in waits_for(plan, ("kubernetes/init", "node1"))
    assert ("endpoint/kube-vip", "node1") in waits_for(plan, ("kubernetes/join-control-plane", "node2"))
    assert ("kubernetes/join-control-plane", "node2") in waits_for(plan, ("endpoint/kube-vip-others", "node2"))
    assert ("endpoint/kube-vip-others", "node3") in waits_for(plan, ("finish/ready", "node1"))
    assert not [path for path, _ in make_plan(seed()).needs if "kube-vip" in path]
