"""etcd as kubeadm's static pods, and an external etcd."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import yaml

from clusters.catalog import kubeadm
from clusters.catalog.steps.etcd import external, members, start
from clusters.catalog.steps.images import load
from clusters.catalog.steps.kubernetes import authorities, join
from clusters.config.kubernetes_versions import etcd_image, parse_version
from clusters.engine.check import CHECKS
from clusters.engine.plan import make_plan
from clusters.engine.step import STEPS
from clusters.engine.wants import Sight, Wanted
from tests.catalog.pretend import pretend, seed
from tests.plans import newest_patches, waits_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from clusters.engine.wants import Want

PEM = "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----"
KEY = "-----BEGIN PRIVATE KEY-----\nBB\n-----END PRIVATE KEY-----"


def three(kind: str, **external: Any) -> Document:
    names = ["node1", "node2", "node3"]
    return seed(
        roleGroups={"etcd": [], "master": names, "worker": names},
        controlPlaneEndpoint={"internalLoadbalancer": "keepalived", "address": "10.99.0.200"},
        etcd={"type": kind, **({"external": external} if external else {})},
    )


def test_control_planes_take_turns_only_when_each_brings_an_etcd_member() -> None:
    stacked = make_plan(three("kubeadm"))
    second, third = (("kubernetes/join-control-plane", name) for name in ("node2", "node3"))
    assert second in waits_for(stacked, third)
    assert second not in waits_for(make_plan(three("external", endpoints=["http://10.1.2.3:2379"])), third)
    assert not [path for path, _ in stacked.needs if path.startswith("etcd/")]


def test_a_joining_control_plane_gets_etcds_authority_and_needs_its_pod(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, three("kubeadm"))
    for name in authorities.shared(cluster.document):
        hosts["node1"].put(f"the {name}".encode(), f"{authorities.PKI}/{name}")
    authorities.share(cluster.machine("node2"), cluster)
    assert hosts["node2"].files[f"{authorities.PKI}/etcd/ca.key"].mode == 0o600
    assert hosts["node2"].files[f"{authorities.PKI}/etcd/ca.crt"].mode == 0o644
    assert join.ETCD_POD in join.control_plane_files(cluster)
    assert not [name for name in authorities.shared(seed()) if "etcd" in name]


def restarted(cluster: Cluster, monkeypatch: pytest.MonkeyPatch, act: Callable[[Machine], None]) -> Want:
    """The want of etcd/start for the service, which is started like this."""
    monkeypatch.setattr(start, "service_runs", lambda machine: Wanted("etcd runs", lambda _: Sight(True), act))
    wants = start.start(cluster.machine("node1"), cluster)
    return next(want for want in wants if want.what == "etcd runs")


def test_running_members_restart_one_after_the_other(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, three("kubekey"))
    machines = [cluster.machine(name) for name in ("node1", "node2", "node3")]
    inside: list[str] = []
    together: list[int] = []

    def restart(machine: Machine) -> None:
        inside.append(machine.name)
        machine.pause(0.05)
        together.append(len(inside))
        inside.remove(machine.name)

    for host in hosts.values():
        host.answer("systemctl is-active --quiet etcd", 0)
    want = restarted(cluster, monkeypatch, restart)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(want.reach, machines))
    assert together == [1, 1, 1]
    together.clear()
    for host in hosts.values():
        host.answer("systemctl is-active --quiet etcd", 3)
    barrier = threading.Barrier(3, timeout=10)
    first = restarted(cluster, monkeypatch, lambda _: (barrier.wait(), None)[1])
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(first.reach, machines))
    assert not barrier.broken, "members that do not run yet wait for each other"


def test_the_member_of_an_interrupted_join_is_removed(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, three("kubeadm"))
    rows = (
        "8e9e05c52164694d, started, node1, https://10.99.0.11:2380, https://10.99.0.11:2379, false\n"
        "91bc3c398fb3c146, unstarted, , https://10.99.0.12:2380, , false\n"
    )
    hosts["node1"].answer("member list", rows)
    members.forget(cluster.machine("node2"), cluster, tried=False)
    assert not [each for each in hosts["node1"].commands if "member" in each], "etcd's pod is not known yet"
    hosts["node1"].answer("get pod etcd-node1", "pod/etcd-node1")
    members.forget(cluster.machine("node3"), cluster, tried=False)
    assert not [each for each in hosts["node1"].commands if "member remove" in each]
    members.forget(cluster.machine("node2"), cluster, tried=False)
    (removed,) = [each for each in hosts["node1"].commands if "member remove" in each]
    assert "member remove 91bc3c398fb3c146" in removed and "exec -n kube-system etcd-node1 -- etcdctl" in removed


def test_the_image_is_wanted_on_control_planes() -> None:
    assert "k8s.gcr.io/etcd:3.4.13-0" in load.wanted_images(three("kubeadm"), control_plane=True)
    assert not [ref for ref in load.wanted_images(three("kubeadm"), control_plane=False) if "/etcd:" in ref]
    assert not [ref for ref in load.wanted_images(seed(), control_plane=True) if "/etcd:" in ref]


def test_newer_etcd_images_come_from_the_new_registry() -> None:
    for version in map(parse_version, newest_patches()):
        old = version.minor <= 21
        assert etcd_image(version).startswith("k8s.gcr.io/" if old else "registry.k8s.io/")


def test_an_external_etcd_is_reached_with_the_documents_certificates(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = three("external", endpoints=["https://10.1.2.3:2379"], caFile=PEM, certFile=PEM, keyFile=KEY)
    cluster, hosts, _ = pretend(monkeypatch, archive, document)
    machine = cluster.machine("node2")
    for want in list(STEPS.steps["etcd/external"].body(machine, cluster))[1:]:
        want.reach(machine)
    assert hosts["node2"].get(external.KEY).decode() == KEY + "\n" and hosts["node2"].files[external.KEY].mode == 0o600
    whole = list(yaml.safe_load_all(kubeadm.init_configuration(machine, cluster)))[1]
    assert whole["etcd"]["external"] == {
        "endpoints": ["https://10.1.2.3:2379"],
        "caFile": external.CA,
        "certFile": external.CERTIFICATE,
        "keyFile": external.KEY,
    }
    assert ("etcd/external", "node2") in waits_for(make_plan(document), ("kubernetes/join-control-plane", "node2"))


def test_an_external_etcd_without_tls_needs_no_files(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = three("external", endpoints=["http://10.1.2.3:2379"])
    cluster, _, _ = pretend(monkeypatch, archive, document)
    whole = list(yaml.safe_load_all(kubeadm.init_configuration(cluster.machine("node1"), cluster)))[1]
    assert whole["etcd"]["external"] == {"endpoints": ["http://10.1.2.3:2379"]}
    assert ("etcd/external", "node1") not in make_plan(document).needs


def test_a_path_stops_a_run_before_anything_is_changed(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = three("external", endpoints=["https://10.1.2.3:2379"], caFile=PEM, certFile="/etc/passwd", keyFile=KEY)
    cluster, _, _ = pretend(monkeypatch, archive, document)
    (found,) = CHECKS.checks["document.files"].body(cluster.machine("node1"), cluster)
    assert "spec.etcd.external.certFile" in found.message and not CHECKS.checks["document.files"].waivable


def test_the_ports_of_a_static_etcd_must_be_free_on_control_planes(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, three("kubeadm"), node2={"listening": (2381,)})
    (found,) = CHECKS.checks["net.ports_free"].body(cluster.machine("node2"), cluster)
    assert "2381" in found.message
