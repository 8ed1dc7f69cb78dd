"""Changes of the document reach running components: checked, applied one after the other, and checked again."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml

from clusters.catalog import pki
from clusters.catalog.kubeadm import audit
from clusters.catalog.staticpod import Restart, StaticPod, Together, probe_of
from clusters.catalog.steps.kubernetes import certificate, kubelet_config, proxy, stored_configuration
from clusters.catalog.steps.kubernetes.control_plane import control_plane
from clusters.engine.wants import FileWant, NotReached, Sight
from clusters.remote.shell import sh
from tests.catalog.pretend import manifest, pretend, seed
from tests.fake_host import Answer

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.engine.cluster import Cluster
    from clusters.engine.machine import Machine
    from tests.fake_host import FakeHost, Ran

NAME, PATH = "kube-scheduler", "/etc/kubernetes/manifests/kube-scheduler.yaml"
ASIDE = "/etc/slipway/before/kube-scheduler.yaml"
OLD, NEW = manifest(NAME, "--v=1"), manifest(NAME, "--v=2")


class Kubelet:
    """A machine that runs the manifest in kubelet's directory, if it can run."""

    def __init__(self, host: FakeHost, *, broken: bytes = b"") -> None:
        self.host, self.broken, self.pid, self.start = host, broken, 100, 1000
        self.runs = OLD
        host.put(OLD, PATH, mode=0o600)
        host.answer("/proc/[0-9]*/comm", self._processes)
        host.answer("healthy", lambda ran: Answer(exit_code=int(not self._processes(ran).stdout)))
        host.answer("sha256sum < " + PATH, lambda ran: self._sum())
        host.answer("date +%s; stat", "5000\n1000\n1000")
        host.answer("kill -TERM", lambda ran: self._killed())
        host.answer(re.compile(f"^rm -f {ASIDE}"), lambda ran: (host.files.pop(ASIDE, None), Answer())[1])

    def _processes(self, ran: Ran) -> Answer:
        now = self.host.get(PATH)
        if now != self.runs:
            self.runs, self.pid = (b"" if now == self.broken else now), self.pid + 1
        if not self.runs:
            return Answer()
        command = "\0".join(yaml.safe_load(self.runs)["spec"]["containers"][0]["command"]) + "\0"
        return Answer(f"{self.pid} 1 {self.start} {base64.b64encode(command.encode()).decode()}\n")

    def _killed(self) -> Answer:
        self.pid, self.start = self.pid + 1, 4000
        return Answer()

    def _sum(self) -> Answer:
        return Answer(f"{hashlib.sha256(self.host.get(PATH)).hexdigest()}  -\n600 root:root\n")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are short."""
    monkeypatch.setattr("clusters.catalog.staticpod.SETTLE", 0.0)
    monkeypatch.setattr("clusters.catalog.staticpod.STARTS_WITHIN", 0.02)
    monkeypatch.setattr("clusters.catalog.staticpod.BACK_WITHIN", 0.02)
    monkeypatch.setattr("clusters.catalog.steps.kubernetes.kubelet_config.WELL_WITHIN", 0.02)


def pod(content: bytes, *reads: str) -> StaticPod:
    return StaticPod(NAME, PATH, content, sh("healthy"), reads)


@pytest.mark.usefixtures("at_once")
def test_a_new_manifest_counts_when_a_new_process_runs_with_it(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    Kubelet(hosts["node1"])
    machine = cluster.machine("node1")
    assert pod(OLD).seen(machine).so
    sight = pod(NEW).seen(machine)
    assert not sight.so and "+    - --v=2" in sight.diff
    pod(NEW).reach(machine)
    assert pod(NEW).seen(machine).so and hosts["node1"].files[PATH].mode == 0o600


@pytest.mark.usefixtures("at_once")
def test_a_manifest_that_does_not_start_is_replaced_by_the_old_one(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    Kubelet(hosts["node1"], broken=NEW)
    hosts["node1"].answer("/var/log/pods/", "Error: unknown flag: --v2")
    with pytest.raises(NotReached, match=r"It runs with the previous ones\. Its log: Error: unknown flag"):
        pod(NEW).reach(cluster.machine("node1"))
    assert hosts["node1"].get(PATH) == OLD


@pytest.mark.usefixtures("at_once")
def test_a_program_that_has_not_read_its_files_since_they_changed_is_ended(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    Kubelet(hosts["node1"])
    machine = cluster.machine("node1")
    hosts["node1"].answer("date +%s; stat", "5000\n1000\n3000")
    assert "has not read its files" in pod(OLD, "/etc/policy").seen(machine).found
    pod(OLD, "/etc/policy").reach(machine)
    assert pod(OLD, "/etc/policy").seen(machine).so
    hosts["node1"].answer("date +%s; stat", "5000\n1000\n9000")
    assert pod(OLD, "/etc/policy").seen(machine).so, "a file from the future does not count"


def test_the_probe_sends_kubelets_request() -> None:
    text = probe_of(NEW).text
    assert "--server https://127.0.0.1:10259 " in text and text.endswith("get --raw /healthz")


def test_a_machine_that_is_not_yet_a_control_plane_is_left_to_the_join(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    machine = cluster.machine("node1")
    hosts["node1"].answer("[ -e /etc/slipway/control-plane-initialised ]", 1)
    assert list(control_plane(machine, cluster)) == []
    assert not [each for each in hosts["node1"].commands if "unshare" in each]


def test_a_control_plane_that_is_down_gets_its_manifests_without_a_wait(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    machine = cluster.machine("node1")
    hosts["node1"].answer("/proc/[0-9]*/comm", "100 1 1000 eA==\n")
    assert [type(want) for want in control_plane(machine, cluster)] == [FileWant, StaticPod, Together]
    hosts["node1"].answer("get --raw /readyz", 1)
    assert [type(want) for want in control_plane(machine, cluster)] == [FileWant, FileWant, Together]


class Component(StaticPod):
    """Records each call; its restart fails when it is broken."""

    def seen(self, machine: Machine) -> Sight:
        return Sight(False, f"{self.name} is old")

    def begin(self, machine: Machine) -> Restart:
        machine.note(f"begin {self.name}")
        return Restart(b"", frozenset())

    def finish(self, machine: Machine, restart: Restart) -> None:
        machine.note(f"finish {self.name}")
        if self.content == b"broken":
            raise NotReached(f"{self.name} is broken")


def test_a_failing_component_does_not_stop_the_others_restarts(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive)
    machine = cluster.machine("node1")
    noted: list[str] = []
    monkeypatch.setattr(type(machine), "note", lambda _, text: noted.append(text))
    pods = (Component("a", "/a", b"broken", sh("true")), Component("b", "/b", b"", sh("true")))
    assert Together(pods).seen(machine).found == "a is old; b is old"
    with pytest.raises(NotReached, match="a is broken"):
        Together(pods).reach(machine)
    assert noted == ["begin a", "begin b", "finish a", "finish b"]


def test_the_documents_audit_policy_replaces_ours() -> None:
    assert "rules" in audit.policy(seed())
    own = audit.policy(seed(kubernetes={"audit": {"enabled": True, "policy": {"rules": [{"level": "None"}]}}}))
    assert yaml.safe_load(own) == {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "None"}]}


class Maps:
    """The ConfigMaps of kube-system, as kubectl on node1 has them."""

    def __init__(self, host: FakeHost, **data: dict[str, str]) -> None:
        self.items: dict[str, Any] = {
            name.replace("_", "-"): {"metadata": {"annotations": {}}, "data": dict(each)} for name, each in data.items()
        }
        self.daemon_sets: dict[str, Any] = {}
        host.answer("get configmap", lambda ran: Answer(json.dumps(self.items.get(self._name(ran), {})) or ""))
        host.answer("get configmap/", self._several)
        host.answer("annotate configmap", self._annotate)
        host.answer("patch configmap", self._patch)

    @staticmethod
    def _name(ran: Ran) -> str:
        return ran.command.split("configmap ")[1].split()[0]

    def _several(self, ran: Ran) -> Answer:
        if " -o name" in ran.command:
            return Answer()
        kinds = {"configmap": ("ConfigMap", self.items), "daemonset": ("DaemonSet", self.daemon_sets)}
        asked = ran.command.split(" get ")[1].split(" -n ")[0].replace("'", "").split()
        found = []
        for kind, _, name in (each.partition("/") for each in asked):
            title, known = kinds[kind]
            if name in known:
                item = known[name]
                found.append({"kind": title, **item, "metadata": {"name": name, **item["metadata"]}})
        return Answer(json.dumps({"kind": "List", "items": found}))

    def _annotate(self, ran: Ran) -> Answer:
        words = [each.strip("'") for each in ran.command.split() if each.startswith(("slipway/", "'slipway/"))]
        self.items[self._name(ran)]["metadata"]["annotations"] |= dict(each.split("=", 1) for each in words)
        return Answer()

    def _patch(self, ran: Ran) -> Answer:
        patch = json.loads(ran.command.split(" -p '")[1].rstrip("'"))
        item = self.items[self._name(ran)]
        item["metadata"]["annotations"] |= patch["metadata"]["annotations"]
        item["data"] |= patch["data"]
        return Answer()


def living(archive: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> tuple[Cluster, FakeHost, Maps]:
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(**changes))
    maps = Maps(
        hosts["node1"],
        kubeadm_config={"ClusterConfiguration": "a: 1"},
        kube_proxy={"config.conf": "mode: iptables"},
        **{"kubelet_config_1.20": {"kubelet": "maxPods: 110\nresolvConf: /first"}},
    )
    return cluster, hosts["node1"], maps


def test_the_cluster_stores_the_document_and_foreign_changes_are_found(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, host, maps = living(archive, monkeypatch)
    machine = cluster.machine("node1")
    want = stored_configuration.stored_configuration(cluster)
    assert "created from another document" in want.seen(machine).found
    want.reach(machine)
    assert any("upload-config all" in each for each in host.commands) and want.seen(machine).so
    maps.items["kubeadm-config"]["data"]["ClusterConfiguration"] = "a: 2"
    assert want.seen(machine).found == "kubeadm-config was changed by somebody else"


def test_kubelets_config_map_has_the_version_in_its_name_up_to_1_23() -> None:
    assert stored_configuration.kubelet_map(seed(kubernetes={"version": "v1.23.17"}))[0] == "kubelet-config-1.23"
    assert stored_configuration.kubelet_map(seed(kubernetes={"version": "v1.24.17"}))[0] == "kubelet-config"


def node_status(*, ready: bool = True) -> str:
    """The API server's answer about a node, with a heartbeat long after tests restart kubelets."""
    condition = {"type": "Ready", "status": str(ready), "lastHeartbeatTime": "2024-01-01T00:00:00Z"}
    return json.dumps({"status": {"conditions": [condition]}})


@pytest.mark.usefixtures("at_once")
def test_a_kubelet_gets_the_clusters_configuration_and_keeps_its_own_settings(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, host, _ = living(archive, monkeypatch)
    machine = cluster.machine("node2")
    other = cast("FakeHost", machine.host)
    other.put(b"maxPods: 99\nresolvConf: /own\n", kubelet_config.CONFIG)
    other.answer(f"test -e {kubelet_config.DUE}", 1)
    other.answer("date +%s", "1000")
    other.answer("NRestarts", 1)
    host.answer("get node node2", node_status())
    (want,) = kubelet_config.kubelet_config(machine, cluster)
    assert not want.seen(machine).so
    want.reach(machine)
    text = yaml.safe_load(other.get(kubelet_config.CONFIG))
    assert text == {"maxPods": 110, "resolvConf": "/own"} and want.seen(machine).so


@pytest.mark.usefixtures("at_once")
def test_an_unhealthy_kubelet_gets_its_old_configuration_back(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, host, _ = living(archive, monkeypatch)
    machine = cluster.machine("node2")
    other = cast("FakeHost", machine.host)
    before = b"maxPods: 99\n"
    other.put(before, kubelet_config.CONFIG)
    other.answer("date +%s", "1000")
    other.answer("NRestarts", lambda ran: Answer(exit_code=int(other.get(kubelet_config.CONFIG) == before)))
    other.answer("journalctl", "F1124 bad maxPods")
    # It is not Ready until its previous configuration is restored.
    host.answer("get node node2", lambda ran: Answer(node_status(ready=other.get(kubelet_config.CONFIG) == before)))
    (want,) = kubelet_config.kubelet_config(machine, cluster)
    with pytest.raises(
        NotReached, match=r"previous one was restored, and kubelet runs with it\. Its log: F1124 bad maxPods"
    ):
        want.reach(machine)
    assert other.get(kubelet_config.CONFIG) == before
    assert not [each for each in other.commands if each.startswith("rm -f")], "the next run checks it again"


def test_kube_proxys_pods_restart_only_after_a_change(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, host, maps = living(archive, monkeypatch)
    machine = cluster.machine("node1")
    maps.daemon_sets["kube-proxy"] = {"metadata": {}, "spec": {"template": {"metadata": {}}}}
    stored_configuration.annotate_stored_configuration(machine, cluster, proxy.stored_by_kubeadm(cluster))
    configured, restarted, _ = proxy.proxy(machine, cluster)
    assert configured.seen(machine).so and restarted.seen(machine).so, "as kubeadm created it"
    changed = living(archive, monkeypatch, kubernetes={"masqueradeAll": True})[0]
    configured, restarted, _ = proxy.proxy(machine, changed)
    assert not configured.seen(machine).so
    configured.reach(machine)
    assert configured.seen(machine).so and not restarted.seen(machine).so
    now = yaml.safe_load(maps.items["kube-proxy"]["data"]["config.conf"])
    assert now["iptables"] == {"masqueradeAll": True} and now["clientConnection"]["kubeconfig"].endswith(
        "kubeconfig.conf"
    )
    restarted.reach(machine)
    (patch,) = [each for each in host.commands if "patch daemonset" in each]
    digest = maps.items["kube-proxy"]["metadata"]["annotations"][proxy.ROLLED]
    assert digest in patch and '"maxUnavailable": 1' in patch


def test_a_certificate_without_a_name_is_renewed_and_checked_in_use(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(kubernetes={"apiserverCertExtraSans": ["*.api.example"]}))
    host, machine = hosts["node1"], cluster.machine("node1")
    authority = pki.make_authority("kubernetes")
    _, want = certificate.certificate(machine, cluster)
    names = [each for each in certificate.names(machine, cluster) if each != "*.api.example"]
    old = pki.sign(authority, "kube-apiserver", names).certificate
    host.put(old, certificate.CERTIFICATE)
    assert want.seen(machine).found == "it is not valid for *.api.example"

    def renew(ran: Ran) -> Answer:
        every = certificate.names(machine, cluster)
        host.put(pki.sign(authority, "kube-apiserver", every).certificate, certificate.CERTIFICATE)
        return Answer()

    host.answer("init phase certs apiserver", renew)
    want.reach(machine)
    assert want.seen(machine).so
    request = "--tls-server-name any.api.example"
    assert not any(request in each for each in host.commands), "nothing waits for that yet"
    served = certificate.served(cluster)
    assert served.seen(machine).found == "it does not present the certificate for any.api.example yet"
    new = host.files[certificate.CERTIFICATE].content
    host.put(old, certificate.CERTIFICATE)
    assert served.seen(machine).so, "a certificate without that name is not checked for it"
    host.put(new, certificate.CERTIFICATE)
    host.answer("rm -f /etc/slipway/apiserver-name-unseen", lambda ran: forget(host, certificate.UNSEEN))
    served.reach(machine)
    assert any(request in each for each in host.commands)
    assert served.seen(machine).so
    fewer = pretend(monkeypatch, archive)[0]
    _, want_fewer = certificate.certificate(machine, fewer)
    assert want_fewer.seen(machine).found == "it is still valid for *.api.example"


def test_a_new_endpoint_name_works_before_machines_use_it(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    host, machine = hosts["node1"], cluster.machine("node1")
    authority, every = pki.make_authority("kubernetes"), certificate.names(machine, cluster)
    without = [each for each in every if each != "lb.kubesphere.local"]
    old, new = (pki.sign(authority, "kube-apiserver", names).certificate for names in (without, every))
    host.put(old, certificate.CERTIFICATE)
    _, want = certificate.certificate(machine, cluster)

    def renews(ran: Ran) -> Answer:
        host.put(new, certificate.CERTIFICATE)
        return Answer()

    host.answer("init phase certs apiserver", renews)
    want.reach(machine)
    assert any("--tls-server-name lb.kubesphere.local" in each for each in host.commands)


def forget(host: FakeHost, path: str) -> Answer:
    """The pretend machine's `rm`."""
    del host.files[path]
    return Answer()
