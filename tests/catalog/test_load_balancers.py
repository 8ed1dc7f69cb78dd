"""Load balancers for a dead control plane: the machines' configuration, and the address of the endpoint's name."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from clusters.catalog import kubeadm
from clusters.catalog.load_balancers import haproxy, keepalived, name, record_of, virtual
from clusters.catalog.load_balancers.kind import LoadBalancerRecord
from clusters.catalog.paths import CA
from clusters.catalog.steps.images.load import wanted_images
from clusters.catalog.steps.kubernetes import authorities, init, join
from clusters.config.secret import Secret
from clusters.engine.plan import make_plan
from clusters.engine.wants import NotReached
from tests.catalog.pretend import pretend, seed
from tests.clock import stopped_clock
from tests.fake_host import Answer
from tests.plans import waits_for

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.config.schema import Document
    from tests.fake_host import FakeHost

THREE = ["node1", "node2", "node3"]


def three_control_planes(**endpoint: Any) -> Document:
    return seed(
        roleGroups={"etcd": THREE, "master": ["node1", "node2"], "worker": ["node3"]}, controlPlaneEndpoint=endpoint
    )


def hosts_lines(host: FakeHost) -> list[str]:
    return host.get("/etc/hosts").decode().splitlines()


def test_the_proxy_uses_every_api_server_and_only_the_clusters_authority(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, three_control_planes(internalLoadbalancer="haproxy", port=7443))
    proxy = haproxy.proxy_files(cluster)
    assert "bind 127.0.0.1:7443" in proxy.config
    assert "server node1 10.99.0.11:7443" in proxy.config and "server node2 10.99.0.12:7443" in proxy.config
    assert "node3" not in proxy.config
    assert "verify required ca-file /etc/kubernetes/pki/ca.crt" in proxy.config
    assert f'"{proxy.config_digest} %[env(SLIPWAY_POD)]"' in proxy.config
    pod = yaml.safe_load(proxy.manifest)
    assert pod["spec"]["hostNetwork"] is True
    assert pod["spec"]["containers"][0]["env"] == [{"name": "SLIPWAY_POD", "value": proxy.pod_digest}]


def test_a_proxy_with_an_outdated_configuration_is_reloaded_and_not_restarted(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_clock(monkeypatch)
    cluster, hosts, _ = pretend(monkeypatch, archive, three_control_planes(internalLoadbalancer="haproxy"))
    before, worker, machine = haproxy.proxy_files(cluster), cluster.machine("node3"), hosts["node3"]
    proxy = replace(before, config_digest="another")
    same_pod = proxy.pod_digest
    answers = [
        "",
        "ok",
        f"{before.config_digest} {same_pod}",
        f"{before.config_digest} {same_pod}",
        f"another {same_pod}",
    ]
    command = base64.b64encode(b"\0".join(each.encode() for each in ("haproxy", "-W", "-f", haproxy.CONFIG))).decode()
    other = base64.b64encode(b"haproxy\0-f\0/etc/haproxy/haproxy.cfg").decode()
    machine.answer("/proc/[0-9]*/comm", f"70 1 100 {other}\n80 7 100 {command}\n81 80 100 {command}\n")
    machine.answer("get --raw /", lambda _: next_answer(answers))
    seen = []
    while len(answers) > 2:
        seen.append(haproxy.runs_with(proxy).seen(worker).found)
    assert seen == ["the proxy does not answer yet", "kubelet has not restarted the proxy yet", haproxy.OUTDATED]
    haproxy.runs_with(proxy).reach(worker)
    assert [ran for ran in machine.commands if "kill" in ran] == ["kill -USR2 80"]
    assert haproxy.runs_with(proxy).seen(worker).so and not haproxy.runs_with(before).seen(worker).so


def next_answer(answers: list[str]) -> Answer:
    """The next of the answers; the last one is repeated."""
    text = answers.pop(0) if len(answers) > 1 else answers[0]
    return Answer(f"{text}\n") if text else Answer(exit_code=1, stderr="connection refused")


def test_a_worker_uses_the_first_control_plane_until_its_proxy_answers(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, three_control_planes(internalLoadbalancer="haproxy"))
    worker, second = cluster.machine("node3"), cluster.machine("node2")
    name.known(worker, cluster).reach(worker)
    assert "10.99.0.11 lb.kubesphere.local" in hosts_lines(hosts["node3"])
    entry, kubelet = name.lasting(worker, cluster)
    entry.reach(worker)
    assert "127.0.0.1 lb.kubesphere.local" in hosts_lines(hosts["node3"])
    assert name.known(worker, cluster).seen(worker).so, "a second run would change the name's address back"
    assert "kubelet" in kubelet.what
    assert name.lasting_address(second, cluster) == "10.99.0.12"
    name.lead_to_first(worker, cluster)
    assert "10.99.0.11 lb.kubesphere.local" in hosts_lines(hosts["node3"])
    assert "127.0.0.1 lb.kubesphere.local" not in hosts_lines(hosts["node3"])


def test_kube_proxy_connects_to_its_own_machine(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, three_control_planes(internalLoadbalancer="haproxy"))
    config = {"data": {"kubeconfig.conf": "clusters:\n- cluster:\n    server: https://lb.kubesphere.local:6443\n"}}
    hosts["node1"].answer("get configmap kube-proxy", json.dumps(config))
    (want,) = haproxy.kube_proxy(cluster.machine("node1"), cluster)
    sight = want.seen(cluster.machine("node1"))
    assert not sight.so and "lb.kubesphere.local" in sight.found


def test_control_planes_share_an_address_by_unicast_with_equal_priority(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = three_control_planes(internalLoadbalancer="keepalived", address="10.99.0.200")
    cluster, _, _ = pretend(monkeypatch, archive, document)
    one, two = (keepalived.config(cluster.machine(each), cluster) for each in ("node1", "node2"))
    assert "10.99.0.200/32" in one and "virtual_router_id 200" in one and "interface eth0" in one
    assert "unicast_src_ip 10.99.0.11" in one and "        10.99.0.12" in one and "10.99.0.13" not in one
    assert "priority 100" in one and "priority 100" in two
    assert "garp_master_delay 1\n" in one and "garp_master_refresh 5\n" in one
    assert "https://10.99.0.11:6443/readyz" in keepalived.check(cluster.machine("node1"), cluster)
    assert one.count(f" {keepalived.LEFT}\n") == 2 and "ss -K src 10.99.0.200 " in keepalived.left(cluster)
    proxy = list(yaml.safe_load_all(kubeadm.init_configuration(cluster.machine("node1"), cluster)))[3]
    assert proxy["ipvs"]["excludeCIDRs"] == ["10.99.0.200/32"]


def test_a_machine_without_its_documented_address_cannot_share_one(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = three_control_planes(internalLoadbalancer="keepalived", address="10.99.0.200")
    cluster, _, _ = pretend(monkeypatch, archive, document, node1={"addresses": ()})
    with pytest.raises(Exception, match=r"no network interface with the address 10\.99\.0\.11"):
        virtual.interface(cluster.machine("node1"))


def test_without_a_load_balancer_nothing_is_needed(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert record_of(seed()) == LoadBalancerRecord("")
    cluster, hosts, _ = pretend(monkeypatch, archive)
    record_of(seed()).stand_by(cluster.machine("node1"), cluster)
    with record_of(seed()).stood_aside(cluster.machine("node1"), cluster):
        assert hosts["node1"].commands == []


@pytest.mark.parametrize("each", ["haproxy", "keepalived"])
def test_a_document_uses_the_load_balancer_that_it_names(each: str) -> None:
    document = three_control_planes(internalLoadbalancer=each, address="10.99.0.200")
    assert record_of(document).name == each
    assert record_of(document).chosen(document)
    assert not record_of(document).chosen(seed())


def test_only_the_plan_of_a_load_balancer_has_its_steps() -> None:
    plain = {step.path for step in make_plan(seed()).steps}
    assert not {path for path in plain if path.startswith("endpoint/")}
    proxied = {step.path for step in make_plan(three_control_planes(internalLoadbalancer="haproxy")).steps}
    assert {"endpoint/haproxy", "endpoint/kube-proxy", "endpoint/own", "kubernetes/join-control-plane"} <= proxied
    shared = make_plan(three_control_planes(internalLoadbalancer="keepalived", address="10.99.0.200"))
    assert "endpoint/own" not in {step.path for step in shared.steps}
    assert ("endpoint/keepalived", "node1") in waits_for(shared, ("kubernetes/init", "node1"))


def test_a_joining_control_plane_gets_the_authorities_from_slipway(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, three_control_planes(internalLoadbalancer="haproxy"))
    token = Secret("abcdef.0123456789abcdef")
    joining = yaml.safe_load(
        kubeadm.join_configuration(cluster.machine("node2"), cluster, token=token, ca_hash="sha256:x")
    )
    assert joining["controlPlane"]["localAPIEndpoint"] == {"advertiseAddress": "10.99.0.12", "bindPort": 6443}
    assert "certificateKey" not in joining["controlPlane"]
    worker = kubeadm.join_configuration(cluster.machine("node3"), cluster, token=token, ca_hash="sha256:x")
    assert "controlPlane" not in yaml.safe_load(worker)
    for each in (*authorities.CERTIFICATES, *authorities.KEYS):
        hosts["node1"].put(f"the {each}".encode(), f"{authorities.PKI}/{each}")
    authorities.share(cluster.machine("node2"), cluster)
    assert hosts["node2"].get(f"{authorities.PKI}/ca.key") == b"the ca.key"


def test_a_control_plane_that_has_run_is_never_initialised_again(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    machine = cluster.machine("node1")
    hosts["node1"].answer("test -s /etc/kubernetes/admin.conf", 1)
    with pytest.raises(NotReached, match=r"was set up before, but its API server does not answer"):
        init._initialise(machine, cluster)
    assert not [text for text in hosts["node1"].commands if "kubeadm reset" in text]


def test_without_kube_proxy_kubeadm_skips_it_and_no_check_requires_it(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = seed(kubernetes={"disableKubeProxy": True}, network={"plugin": "cilium"})
    cluster, hosts, _ = pretend(monkeypatch, archive, document)
    machine = cluster.machine("node1")
    names = ("kubeadm-config", "kubelet-config-1.20")
    maps = [{"kind": "ConfigMap", "metadata": {"name": each}, "data": {}} for each in names]
    hosts["node1"].answer("get configmap/", json.dumps({"kind": "List", "items": maps}))
    assert init._looks_whole(machine, cluster).so
    (asked,) = [text for text in hosts["node1"].commands if "deployment/coredns" in text]
    assert "daemonset/kube-proxy" not in asked
    init._initialise(machine, cluster)
    phases = [text for text in hosts["node1"].commands if "kubeadm init phase addon" in text]
    assert len(phases) == 1 and "addon coredns" in phases[0]
    hosts["node1"].answer("test -s /etc/kubernetes/admin.conf", 1)
    hosts["node1"].answer("test -e /etc/slipway/control-plane-initialised", 1)
    hosts["node1"].answer("get nodes", 1)
    for each in ("node2", "node3"):
        hosts[each].answer("test", 1)
    init._initialise(machine, cluster)
    (started,) = [text for text in hosts["node1"].commands if "kubeadm init --config" in text]
    assert started.endswith("--skip-phases addon/kube-proxy")
    assert not [ref for ref in wanted_images(document, control_plane=False) if "/kube-proxy:" in ref]


def test_a_lost_first_control_plane_does_not_make_a_second_cluster(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    for path in ("test -s /etc/kubernetes/admin.conf", "test -e /etc/slipway/control-plane-initialised"):
        hosts["node1"].answer(path, 1)
    with pytest.raises(NotReached, match=r"node2 is already a node"):
        init._initialise(cluster.machine("node1"), cluster)


def test_a_node_is_not_reset_because_the_api_server_could_not_be_asked(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    for host in ("node1", "node3"):
        hosts[host].put(b"the authority", CA)
    hosts["node1"].answer("get node node3 --ignore-not-found", Answer("", 1, "the server is busy"))
    with pytest.raises(NotReached, match=r"does not report whether the node node3 exists"):
        join.joined(cluster.machine("node3"), cluster).seen(cluster.machine("node3"))
    hosts["node3"].put(b"another authority", CA)
    with pytest.raises(NotReached, match=r"node3 is a node of another cluster"):
        join.joined(cluster.machine("node3"), cluster).seen(cluster.machine("node3"))
