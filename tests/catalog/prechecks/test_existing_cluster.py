"""Differences between the document and a cluster that already runs are reported."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from clusters.catalog import pki
from clusters.catalog.kubeadm.documents import cluster_configuration
from clusters.catalog.steps.kubernetes.binaries import UNIT_TEXT
from clusters.engine.check import CHECKS
from clusters.engine.identity import Identity
from clusters.remote.facts import TRACES, facts_command, parse_facts
from tests.catalog.prechecks.findings import found
from tests.catalog.pretend import NODES, pretend, seed
from tests.fake_host import Answer

if TYPE_CHECKING:
    from clusters.engine.cluster import Cluster


def test_leftovers_of_our_own_earlier_run_are_no_error(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(
        monkeypatch, archive, node2={"traces": ("/var/lib/etcd/member",), "listening": (10250,)}
    )
    hosts["node2"].put(json.dumps({"cluster": "sample"}).encode(), "/etc/slipway/cluster.json")
    for check in ("k8s.leftovers", "net.ports_free"):
        assert found(check, cluster, "node2") == []
    hosts["node2"].put(json.dumps({"cluster": "other"}).encode(), "/etc/slipway/cluster.json")
    (finding,) = found("k8s.leftovers", cluster, "node2")
    assert "belongs to the cluster other" in finding.message
    assert "rm -rf /var/lib/etcd/member /etc/slipway/cluster.json " in finding.hint


def test_a_cluster_of_the_same_name_is_taken_over_only_with_a_waiver(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, node1={"traces": ("/etc/kubernetes/kubelet.conf",)})
    cluster.identity = Identity("the-documents")
    hosts["node1"].put(json.dumps({"cluster": "sample", "id": "the-machines"}).encode(), "/etc/slipway/cluster.json")
    hosts["node1"].put(pki.make_authority("kubernetes").certificate, "/etc/kubernetes/pki/ca.crt")
    assert found("k8s.leftovers", cluster) == []
    (finding,) = found("k8s.other_identity", cluster)
    assert "the-machines" in finding.message and "the-documents" in finding.message
    assert finding.severity.value == "error" and CHECKS.checks["k8s.other_identity"].waivable


def test_the_advice_removes_every_trace_that_was_found(
    archive: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = tuple(str(tmp_path / name) for name in ("admin.conf", "kubelet.service", "a path/member"))
    cluster, _, _ = pretend(monkeypatch, archive, node2={"traces": files})
    (finding,) = found("k8s.leftovers", cluster, "node2")
    assert all(path in finding.message for path in files)
    (tmp_path / "a path" / "member").mkdir(parents=True)
    for path in files[:2]:
        Path(path).touch()
    command = finding.hint.partition("there: ")[2]
    programs = "kubeadm() { return 1; }; systemctl() { return 1; }; "
    subprocess.run(["/bin/sh", "-c", programs + command], check=False, capture_output=True)
    assert [path for path in files if Path(path).exists()] == []


@pytest.mark.parametrize("path", [each for each in TRACES if each.endswith(".service")])
def test_a_unit_that_slipway_wrote_is_no_trace(path: str, tmp_path: Path) -> None:
    own = tmp_path / "kubelet.service"
    script = facts_command().text.replace(path, str(own))

    def traces() -> tuple[str, ...]:
        output = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=False).stdout
        return parse_facts(output, here=0).traces

    assert str(own) not in traces()
    own.write_text("[Service]\nExecStart=/usr/bin/kubelet\n")
    assert str(own) in traces()
    own.write_text(UNIT_TEXT)
    assert str(own) not in traces()


def test_another_version_on_a_node_is_refused_and_cannot_be_waived(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(kubernetes={"version": "v1.21.14"}))
    assert found("k8s.version", cluster) == []
    hosts["node1"].answer("kubelet --version", "Kubernetes v1.21.14\n    image: k8s.gcr.io/kube-apiserver:v1.20.2\n")
    (refused,) = found("k8s.version", cluster)
    assert "node1 runs Kubernetes v1.20.2; the document has v1.21.14" in refused.message
    assert not CHECKS.checks["k8s.version"].waivable
    hosts["node1"].answer("kubelet --version", "Kubernetes v1.21.14\n    image: k8s.gcr.io/kube-apiserver:v1.21.14\n")
    assert found("k8s.version", cluster) == []


def test_a_release_candidate_is_another_version_and_a_vendors_build_is_not(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(kubernetes={"version": "v1.37.2"}))
    hosts["node1"].answer("kubelet --version", "Kubernetes v1.37.2-rc.1\n")
    (refused,) = found("k8s.version", cluster)
    assert "node1 runs Kubernetes v1.37.2-rc.1; the document has v1.37.2" in refused.message
    for same in ("v1.37.2", "v1.37.2-gke.100", "v1.37.2+k3s1"):
        hosts["node1"].answer("kubelet --version", f"Kubernetes {same}\n")
        assert found("k8s.version", cluster) == []


def stored_config(cluster: Cluster, **changes: Any) -> str:
    """kubeadm-config as the API server gives it."""
    text = yaml.safe_dump(cluster_configuration(cluster) | changes)
    return json.dumps({"metadata": {}, "data": {"ClusterConfiguration": text}})


def test_what_stays_for_a_clusters_life_is_held_against_what_it_was_made_with(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node1"].answer("get configmap kubeadm-config", stored_config(cluster))
    assert found("k8s.unchanged", cluster) == []
    other = {"podSubnet": "10.1.0.0/16", "serviceSubnet": "10.233.0.0/18", "dnsDomain": "cluster.local"}
    changed = stored_config(cluster, networking=other, controlPlaneEndpoint="old.example:6443", etcd={"local": {}})
    hosts["node1"].answer("get configmap kubeadm-config", changed)
    messages = [each.message for each in found("k8s.unchanged", cluster)]
    assert len(messages) == 3
    assert "created with 10.1.0.0/16; the document has 10.233.64.0/18 (network.kubePodsCIDR)" in messages[0]
    assert "old.example:6443" in messages[1] and "in kubeadm's pods" in messages[2]
    hosts["node1"].answer("get configmap kubeadm-config", 1)
    assert found("k8s.unchanged", cluster) == [], "an API server that is down is not this check's affair"
    hosts["node1"].answer("admin.conf ]", 1)
    assert found("k8s.unchanged", cluster) == []


def test_nodes_that_are_not_listed_are_told_with_the_way_out(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    assert found("k8s.strangers", cluster) == []
    conditions = {"well": "True", "gone": "Unknown"}
    more = [
        {"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": status}]}}
        for name, status in conditions.items()
    ]
    hosts["node1"].answer("get nodes -o json", json.dumps({"items": NODES["items"] + more}))
    well, gone = found("k8s.strangers", cluster)
    assert "well is a node" in well.message and "kubeadm reset -f" in well.hint
    assert "does not respond" in gone.message and gone.hint.endswith("kubectl delete node gone")
    assert {well.severity.value, gone.severity.value} == {"warning"}


def test_etcd_members_that_are_not_listed_go_when_they_are_dead_and_the_others_well(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clusters.catalog.steps.etcd.members.BETWEEN", 0.0)
    cluster, hosts, _ = pretend(monkeypatch, archive)
    host = hosts["node1"]
    host.answer("systemctl is-active --quiet etcd", 0)
    rows = [
        f"{number}, started, m{number}, https://10.99.0.{number}:2380, https://10.99.0.{number}:2379, false"
        for number in (11, 98, 99)
    ]
    host.answer("member list", lambda ran: Answer("\n".join(rows)))
    host.answer("--endpoints https://10.99.0.99:2379", 1)
    stays, goes = found("k8s.strangers", cluster)
    assert "m98" in stays.message and "answers. It stays" in stays.message and "member remove 98" in stays.hint
    assert "m99" in goes.message and "This run removes it" in goes.message
    host.answer("--endpoints https://10.99.0.98:2379", 1)
    host.answer(re.compile(r"10\.99\.0\.11:2379 .*endpoint health"), 1)
    assert found("k8s.strangers", cluster)[-1].message.endswith("too few other members are healthy. It stays.")
