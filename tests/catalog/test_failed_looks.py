"""A failed check never counts as success: the state counts as not reached, or the step ends with an error."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog import dns_pods, staticpod
from clusters.catalog.networks import bridge
from clusters.catalog.steps.kubernetes import kubelet_config
from clusters.catalog.steps.os import extra_packages
from clusters.engine.packages import Packages
from clusters.engine.step import STEPS
from clusters.engine.wants import NotReached, Want
from clusters.remote.shell import sh
from tests.catalog.pretend import manifest, pretend, seed
from tests.catalog.test_steps import WANTS
from tests.clock import stopped_clock
from tests.fake_host import Answer

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from tests.fake_host import FakeHost

REFUSED = Answer(exit_code=1, stderr="The connection to the server was refused")

WITHOUT_A_QUESTION = {
    "is a member of etcd": "no etcd had a majority when the run started, so this run creates one",
    "this etcd member votes": "the same; the next want asks the member whether it is healthy",
    "etcd has no dead member": "the same, and the log notes it",
    "the pods' network is left": "nothing is checked",
    "API server presents its certificate": "a file shows whether there is a new one",
    "API server's certificate has": "a file; this machine has none",
    "etcd has an authority": "a file",
    "has etcd's authority": "a file",
    "ca-key.pem": "a file",
}
"""Part of a wanted state's title -> why it may hold although no command on the machine succeeds."""


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped_clock(monkeypatch)


def holds(want: Want, machine: Machine) -> bool:
    try:
        return want.seen(machine).so
    except NotReached:
        return False


@pytest.mark.parametrize("path", WANTS)
def test_nothing_counts_as_reached_where_every_command_fails(
    path: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = {"etcd": ["node1"], "master": ["node1"], "worker": ["node1", "node2", "node3"]}
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(roleGroups=groups))
    machine = cluster.machine(WANTS[path][0])
    wants = list(STEPS.steps[path].body(machine, cluster))
    for host in hosts.values():
        host.answer(re.compile(""), REFUSED)
    reached = [want.what for want in wants if holds(want, machine)]
    assert [what for what in reached if not any(part in what for part in WITHOUT_A_QUESTION)] == []


def control_plane(archive: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> tuple[Cluster, FakeHost, Machine]:
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(**changes))
    return cluster, hosts["node1"], cluster.machine("node1")


def test_unreadable_taints_do_not_count_as_removed(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = {"etcd": ["node1"], "master": ["node1"], "worker": ["node1"]}
    cluster, host, machine = control_plane(archive, monkeypatch, roleGroups=groups)
    _, takes_pods = STEPS.steps["kubernetes/labels"].body(machine, cluster)
    host.answer("get nodes -o json", REFUSED)
    with pytest.raises(NotReached, match=r"does not report which nodes there are: .*refused") as caught:
        takes_pods.seen(machine)
    assert caught.value.retryable

    def node(*taints: dict[str, str]) -> str:
        return json.dumps({"items": [{"metadata": {"name": "node1"}, "spec": {"taints": list(taints)}}]})

    host.answer("get nodes -o json", node({"key": "node-role.kubernetes.io/master", "effect": "NoSchedule"}))
    assert takes_pods.seen(machine).found == "node1 has the taints node-role.kubernetes.io/master"
    host.answer("get nodes -o json", node())
    assert takes_pods.seen(machine).so


def test_nodes_are_asked_for_once_and_labelled_together(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, host, machine = control_plane(archive, monkeypatch)
    [labelled] = STEPS.steps["kubernetes/labels"].body(machine, cluster)
    bare = [{"metadata": {"name": name}, "spec": {}} for name in ("node1", "node2", "node3")]
    host.answer("get nodes -o json", json.dumps({"items": bare}))
    host.answer(re.compile("label nodes"), "")
    before = len(host.commands)
    assert labelled.seen(machine).found == (
        "node2 has no label node-role.kubernetes.io/worker; node3 has no label node-role.kubernetes.io/worker"
    )
    assert len(host.commands) == before + 1
    labelled.reach(machine)
    sent = [command for command in host.commands if "label nodes" in command]
    assert len(sent) == 1
    assert "label nodes node2 node3 --overwrite node-role.kubernetes.io/worker=" in sent[0]


def test_a_node_that_has_not_joined_cannot_be_labelled(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, host, machine = control_plane(archive, monkeypatch)
    [labelled] = STEPS.steps["kubernetes/labels"].body(machine, cluster)
    host.answer("get nodes -o json", json.dumps({"items": [{"metadata": {"name": "node2"}, "spec": {}}]}))
    with pytest.raises(NotReached, match="The API server does not list the node node3"):
        labelled.seen(machine)


def test_an_unreadable_fstab_does_not_count_as_without_swap(
    archive: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cluster, host, machine = control_plane(archive, monkeypatch)
    _, table, _ = STEPS.steps["os/swap"].body(machine, cluster)
    table.seen(machine)
    file = tmp_path / "fstab"
    for content, holds in (("/dev/sda1 / ext4\n", True), ("/dev/sda2 none swap sw\n", False), (None, False)):
        if content is None:
            file.unlink()
            file.mkdir()  # grep cannot read it, not even as root
        else:
            file.write_text(content)
        command = host.commands[-1].replace("/etc/fstab", str(file))
        assert (subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False).returncode == 0) is holds


def test_without_the_machines_time_kubelet_is_not_restarted(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, host, machine = control_plane(archive, monkeypatch)
    host.answer("date +%s", REFUSED)
    with pytest.raises(NotReached, match="does not report its time"):
        kubelet_config._restart(machine)
    assert not any("systemctl restart kubelet" in command for command in host.commands)


def test_an_unknown_file_time_is_an_error(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, host, machine = control_plane(archive, monkeypatch)
    pod = staticpod.StaticPod("kube-scheduler", "/x.yaml", manifest("kube-scheduler"), sh("true"))
    host.answer("date +%s; stat", REFUSED)
    with pytest.raises(NotReached, match=r"does not report when /x\.yaml was written"):
        pod._newest_file(machine)


def test_packages_that_cannot_be_checked_do_not_count_as_installed(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, host, machine = control_plane(archive, monkeypatch)
    host.answer("for ", REFUSED)
    for want in (Packages({"socat": "socat"}), extra_packages.installed(("nano",), debian=True)):
        with pytest.raises(NotReached, match=r"which (commands|packages) it has"):
            want.seen(machine)


def test_unreadable_dns_settings_are_not_overwritten(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, host, machine = control_plane(archive, monkeypatch)
    host.answer("get deployment coredns", REFUSED)
    with pytest.raises(NotReached, match="does not report whether there is a deployment coredns"):
        dns_pods.placement_and_probe().reach(machine)
    assert not any("patch" in command for command in host.commands)


def test_unreadable_kube_proxy_settings_are_not_overwritten(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes: dict[str, Any] = {
        "roleGroups": {"etcd": ["node1"], "master": ["node1", "node2", "node3"], "worker": ["node3"]},
        "controlPlaneEndpoint": {"internalLoadbalancer": "haproxy"},
    }
    cluster, host, machine = control_plane(archive, monkeypatch, **changes)
    (want,) = STEPS.steps["endpoint/kube-proxy"].body(machine, cluster)
    host.answer("get configmap kube-proxy", REFUSED)
    for action in (want.seen, want.reach):
        with pytest.raises(NotReached, match="does not report whether there is a configmap kube-proxy"):
            action(machine)
    assert not any("patch configmap" in command for command in host.commands)


def test_a_silent_api_server_is_not_reported_as_a_small_pod_network(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, host, machine = control_plane(archive, monkeypatch)
    host.answer("get nodes -o json", REFUSED)
    with pytest.raises(NotReached, match=r"does not report which pod addresses nodes have: .*refused"):
        bridge.ranges_of(machine, cluster, {"node1"})


def test_a_missing_configuration_of_kubeadm_is_found(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, host, machine = control_plane(archive, monkeypatch)
    wants = {want.what: want for want in STEPS.steps["kubernetes/init"].body(machine, cluster)}
    (whole,) = (want for what, want in wants.items() if "control plane" in what)
    assert whole.seen(machine).so
    request = next(command for command in host.commands if "configmap/kubeadm-config" in command)
    # kubectl's own "kubeadm-config not found" once counted as an answer.
    assert "grep -q kubeadm-config" not in request and "2>&1" not in request
