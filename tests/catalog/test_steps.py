"""The steps: the wanted states of each, and the files that decide whether a cluster starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from clusters.catalog import kubeadm, pki
from clusters.catalog.identity import pin_of
from clusters.catalog.runtimes import containerd
from clusters.catalog.steps.etcd import certificates, start
from clusters.catalog.steps.finish import ready
from clusters.catalog.steps.images import load
from clusters.config.component_settings.etcd_tuning import flag_of
from clusters.config.plugins import plugins
from clusters.config.secret import Secret
from clusters.engine.events import Delivered, Observed, Output
from clusters.engine.plan import make_plan
from clusters.engine.step import STEPS
from tests.catalog.pretend import pretend, seed
from tests.plans import waits_for

CHART = [
    "helm v1.0.0 is unpacked",
    "/etc/slipway/charts is a directory of mode 700",
    ".tgz is the chart",
    "values.yaml",
]
"""The first wanted states of every plugin that is a chart."""

NETWORKS = Path(__file__).with_name("networks")
"""A network plugin that has its own test file there has its step in it, too."""

WANTS = {
    "os/claim": ("node2", ["/etc/slipway is a directory", "/etc/slipway/cluster.json"]),
    "os/names": ("node2", ["name is node2", "/etc/hosts has Slipway's lines", "endpoint's name is known"]),
    "os/packages": ("node2", ["system tools"]),
    "os/swap": ("node2", ["no swap is in use", "/etc/fstab", "systemd turns on no swap"]),
    "os/kernel": ("node2", ["br_netfilter is loaded", "modules-load.d", "5 kernel settings are active"]),
    "runtime/binaries": (
        "node2",
        ["containerd v", "runc", "/opt/cni/bin", "cni-plugins", "crictl", "crictl.yaml"],
    ),
    "runtime/containerd": (
        "node2",
        ["/etc/containerd", "has a copy", "config.toml", ".service", "proxy", "runs and starts", "answers"],
    ),
    "runtime/docker": (
        "node2",
        ["/etc/docker", "has a copy", "daemon.json", "docker.service", "proxy", "service docker", "docker answers"],
    ),
    "runtime/cri-dockerd": ("node2", ["cri-dockerd.service", "service cri-dockerd", "cri-dockerd answers"]),
    "runtime/crio": (
        "node2",
        [
            "crio.conf.d",
            "registries.conf.d",
            "10-slipway.conf",
            "50-slipway.conf",
            "proxy",
            "service crio",
            "CRI-O answers",
        ],
    ),
    "images/load": ("node2", ["pause:3.2", "kube-proxy:v1.20.2", "coredns:1.7.0"]),
    "etcd/authority": ("node1", ["is a directory of mode 700", "etcd has an authority"]),
    "etcd/certificates": ("node1", ["mode 700", "has etcd's authority", "ca-key.pem", "member-node1", "admin-node1"]),
    "etcd/clients": ("node1", ["mode 700", "has etcd's authority", "certificate apiserver"]),
    "etcd/binaries": ("node1", ["etcd v1.0.0 is unpacked"]),
    "etcd/members": ("node1", ["no dead member"]),
    "etcd/start": (
        "node1",
        ["/var/lib/etcd", "node1 is a member", "/etc/etcd.env", "etcd.service", "etcd runs", "votes", "healthy"],
    ),
    "kubernetes/etcd-members": ("node1", ["no dead member"]),
    "kubernetes/certificate": ("node1", ["kubeadm-config.yaml", "certificate has the document's names"]),
    "finish/components": (
        "node1",
        ["kube-apiserver runs", "kube-controller-manager runs", "kube-scheduler runs", "presents its certificate"],
    ),
    "kubernetes/control-plane": (
        "node1",
        ["kubeadm-config.yaml", "kube-apiserver.yaml", "kube-controller-manager.yaml", "scheduler.yaml"],
    ),
    "kubernetes/kubelet-config": ("node2", ["the configuration that the cluster stores"]),
    "kubernetes/proxy": ("node1", ["is the document's", "run with this configuration", "every pod of kube-proxy"]),
    "kubernetes/binaries": ("node3", ["kubeadm", "kubelet", "kubectl"]),
    "kubernetes/kubelet": ("node3", ["kubelet.service", "10-kubeadm.conf", "/etc/default/kubelet", "starts at boot"]),
    "before/scripts": ("node1", []),
    "after/cluster-scripts": ("node1", []),
    "after/scripts": ("node1", []),
    "os/clock": ("node1", []),
    "os/extra-packages": ("node1", []),
    "kubernetes/dns": ("node1", ["DNS pods prefer separate machines"]),
    "kubernetes/node-dns": ("node1", ["/etc/slipway is a directory", "node-dns.json", "the DNS cache of the nodes"]),
    "finish/node-dns": ("node1", ["ready on every node"]),
    "kubernetes/audit": ("node1", ["/etc/kubernetes/audit", "/var/log/kubernetes/audit", "policy.yaml"]),
    "etcd/external": ("node1", ["mode 700", "external-ca.pem", "external.pem", "external-key.pem"]),
    "images/kube-vip": ("node1", ["image ghcr.io/kube-vip/kube-vip"]),
    "endpoint/kube-vip": ("node1", ["/etc/kubernetes/manifests", "kube-vip.yaml", "at the shared address"]),
    "endpoint/kube-vip-others": ("node2", ["/etc/kubernetes/manifests", "kube-vip.yaml", "at the shared address"]),
    "kubernetes/init": (
        "node1",
        [
            "kubeadm-config.yaml",
            "control plane of this cluster runs",
            "API server is ready",
            "kubelet",
            "initialised",
            "stores this configuration",
        ],
    ),
    "kubernetes/join-control-plane": (
        "node2",
        ["node2 is a node", "service kubelet runs", "its own API server is ready", "control-plane-initialised"],
    ),
    "endpoint/own": ("node2", ["/etc/hosts has Slipway's lines for endpoint", "service kubelet"]),
    "endpoint/kube-proxy": ("node1", ["kube-proxy connects to https://127.0.0.1:6443"]),
    "endpoint/haproxy": (
        "node3",
        [
            "/etc/slipway/haproxy",
            "haproxy.cfg",
            "haproxy.yaml",
            "control planes",
            "through the proxy",
            "lines for endpoint",
            "service kubelet",
        ],
    ),
    "endpoint/keepalived": (
        "node1",
        [
            "system tools",
            "mode 755",
            "api-server-is-ready",
            "address-has-left",
            "mode 755",
            "keepalived.conf",
            "no /run/slipway-api-server-ends",
            "service keepalived",
        ],
    ),
    "images/haproxy": ("node3", ["image docker.io/library/haproxy"]),
    "kubernetes/join": ("node3", ["node3 is a node of the cluster", "service kubelet runs"]),
    "kubernetes/labels": ("node1", ["2 nodes have their labels"]),
    "network/bridge-first": ("node1", ["/etc/cni/net.d", "conflist"]),
    "network/bridge": (
        "node2",
        ["/etc/cni/net.d", "/usr/local/lib/slipway", "pod-routes", ".service", "runs", "2 other nodes", "conflist"],
    ),
    "network/calico": (
        "node1",
        ["calico is in the cluster", "calico-node is ready", "3 nodes are Ready", "kube-controllers is ready"],
    ),
    "network/flannel": ("node1", ["flannel is in the cluster", "kube-flannel-ds is ready", "3 nodes are Ready"]),
    "network/cilium": (
        "node1",
        [*CHART, "cilium is in the cluster", "cilium-operator is ready", "of cilium is ready", "3 nodes are Ready"],
    ),
    "network/kubeovn": (
        "node1",
        [*CHART, "kubeovn is in", "ovn-central", "ovs-ovn", "ovn-controller", "ovn-cni", "3 nodes are Ready"],
    ),
    "network/hybridnet": (
        "node1",
        [*CHART, "hybridnet is in", "webhook", "manager", "hybridnet-networks is in", "daemon", "3 nodes are Ready"],
    ),
    "network/none": ("node1", ["left to your own plugin"]),
    "images/network": ("node3", []),
    "finish/ready": ("node1", ["all 3 nodes are Ready", "DNS pods are on more than one machine", "DNS runs"]),
    "finish/eviction": (
        "node1",
        ["manager started after all nodes were ready", "kube-controller-manager runs"],
    ),
    "finish/claim": ("node2", ["/etc/slipway/cluster.json"]),
    "finish/handover": ("node1", ["the API server lists its nodes"]),
}


def test_every_step_is_listed_here(archive: Path) -> None:
    own = {f"network/{each.name}" for each in plugins() if (NETWORKS / f"test_{each.attribute}.py").exists()}
    assert set(WANTS) | own == set(STEPS.steps)


@pytest.mark.parametrize("path", WANTS)
def test_a_step_has_the_listed_wanted_states(path: str, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive)
    name, words = WANTS[path]
    titles = [want.what for want in STEPS.steps[path].body(cluster.machine(name), cluster)]
    assert len(titles) == len(words), titles
    assert all(word in what for word, what in zip(words, titles, strict=True)), titles


def test_the_plan_orders_dependent_steps() -> None:
    plan = make_plan(seed())
    assert ("etcd/start", "node1") in waits_for(plan, ("kubernetes/init", "node1"))
    assert ("kubernetes/control-plane", "node1") in waits_for(plan, ("kubernetes/join", "node3"))
    assert ("precheck/access.facts", "node3") in waits_for(plan, ("os/claim", "node1"))
    assert ("runtime/binaries", "node2") not in waits_for(plan, ("runtime/binaries", "node3"))
    assert plan.expected_seconds > 30


def test_kubeadm_gets_the_documents_settings(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive)
    text = kubeadm.init_configuration(cluster.machine("node1"), cluster)
    init, whole, kubelet, proxy = yaml.safe_load_all(text)
    assert init["apiVersion"] == "kubeadm.k8s.io/v1beta2" and init["nodeRegistration"]["ignorePreflightErrors"] == []
    assert whole["controlPlaneEndpoint"] == "lb.kubesphere.local:6443"
    assert whole["etcd"]["external"]["endpoints"] == ["https://127.0.0.1:2379"]
    assert whole["networking"]["podSubnet"] == "10.233.64.0/18"
    assert kubelet["cgroupDriver"] == "systemd" and "conntrack" not in proxy


def test_settings_adapt_to_the_limits_of_a_container(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weak = {
        "container": True,
        "cgroup_version": 1,
        "conntrack_writable": False,
        "kernel_config": "",
        "can_lower_oom": False,
        "can_raise_nofile": False,
    }
    cluster, _, _ = pretend(monkeypatch, archive, node1=weak)
    machine = cluster.machine("node1")
    init, _, kubelet, proxy = yaml.safe_load_all(kubeadm.init_configuration(machine, cluster))
    assert init["nodeRegistration"]["ignorePreflightErrors"] == ["SystemVerification"]
    assert kubelet["cgroupDriver"] == "cgroupfs" and proxy["conntrack"] == {"maxPerCore": 0, "min": 0}
    assert "restrict_oom_score_adj = true" in containerd.config(machine, cluster)
    assert "OOMScoreAdjust" not in containerd.unit(machine) and "LimitNOFILE" not in containerd.unit(machine)


def test_the_join_file_pins_the_authority_in_the_versions_own_format(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = seed(kubernetes={"version": "v1.31.1", "proxyMode": "iptables"})
    cluster, _, _ = pretend(monkeypatch, archive, document)
    pin = pin_of(pki.make_authority("kubernetes").certificate)
    text = kubeadm.join_configuration(
        cluster.machine("node2"), cluster, token=Secret("abcdef.0123456789abcdef"), ca_hash=pin
    )
    joining = yaml.safe_load(text)
    assert joining["apiVersion"] == "kubeadm.k8s.io/v1beta4"
    assert joining["nodeRegistration"]["criSocket"].startswith("unix://")
    assert joining["discovery"]["bootstrapToken"]["caCertHashes"] == [pin] and pin.startswith("sha256:")


def test_a_certificate_is_renewed_when_it_is_no_longer_valid(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive)
    machine = cluster.machine("node1")
    want = certificates.certificate(cluster, "member-node1", ("node1", "10.99.0.11"))
    assert not want.seen(machine).so
    want.reach(machine)
    assert want.seen(machine).so
    other = certificates.certificate(cluster, "member-node1", ("node1", "10.99.0.99"))
    assert other.seen(machine).found == "it is not valid for 10.99.0.99"
    stranger = pki.sign(pki.make_authority("stranger"), "x", ("node1",))
    authority = certificates.authority_of(machine, cluster)
    assert pki.why_unfit(stranger.certificate, authority.certificate, ("node1",)) == "another authority signed it"


def test_etcd_members_know_each_other() -> None:
    assert "Type=notify" in start.UNIT_TEXT


def test_etcd_names_every_member(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = seed(roleGroups={"etcd": ["node1", "node2", "node3"], "master": ["node1"], "worker": ["node2"]})
    cluster, _, _ = pretend(monkeypatch, archive, document)
    text = start.environment(cluster.machine("node2"), cluster)
    assert (
        "ETCD_INITIAL_CLUSTER=node1=https://10.99.0.11:2380,node2=https://10.99.0.12:2380,node3=https://10.99.0.13:2380"
        in text
    )


def test_every_setting_for_etcd_is_a_flag_of_3_7(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = set(yaml.safe_load((Path(__file__).parent / "etcd_flags.yaml").read_text())["v3.7.0"].split())
    tuned = {"logLevel": "info", "quotaBackendBytes": 2**31, "maxRequestBytes": 2**20, "maxSnapshots": 5, "maxWals": 5}
    cluster, _, _ = pretend(monkeypatch, archive, seed(etcd=tuned))
    lines = start.environment(cluster.machine("node1"), cluster).splitlines()
    written = {flag_of(line.partition("=")[0]) for line in lines if line.startswith("ETCD_")}
    assert len(written) > 20
    assert written - known == set()


def test_flags_that_the_sources_etcd_removed_are_omitted_and_noted(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        "ETCD_ENABLE_V2=true",
        "ETCD_EXPERIMENTAL_INITIAL_CORRUPT_CHECK=true",
        "ETCD_DISCOVERY=https://discovery.example/1",
        "ETCD_LOG_LEVEL=debug",
    ]
    document = seed(kubernetes={"version": "v1.37.2"}, etcd={"extraArgs": lines})
    cluster, _, sink = pretend(monkeypatch, archive, document)
    machine = cluster.machine("node1")
    for version, left in (("v3.5.24", lines), ("v3.6.8", lines[1:]), ("v3.7.0", lines[3:])):
        monkeypatch.setattr(cluster.source, "version_of", lambda component, kubernetes, version=version: version)
        assert [line for line in lines if f"{line}\n" in start.environment(machine, cluster)] == left
    sink.events.clear()
    list(start.start(machine, cluster))
    notes = [event.text for event in sink.events if isinstance(event, Output) and event.stream == "note"]
    assert sum("etcd v3.7.0 no longer has this flag" in note for note in notes) == 3


def test_etcd_3_4_gets_the_setting_for_arm64(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, node1={"arch": "arm64"})
    monkeypatch.setattr(cluster.source, "version_of", lambda component, kubernetes: "v3.4.13")
    assert "ETCD_UNSUPPORTED_ARCH=arm64\n" in start.environment(cluster.machine("node1"), cluster)
    assert "ARCH" not in start.environment(cluster.machine("node2"), cluster)
    monkeypatch.setattr(cluster.source, "version_of", lambda component, kubernetes: "v3.5.24")
    assert "ARCH" not in start.environment(cluster.machine("node1"), cluster)


def test_only_control_planes_get_the_images_of_the_control_plane() -> None:
    worker = load.wanted_images(seed(), control_plane=False)
    assert not any("apiserver" in ref for ref in worker)
    assert "k8s.gcr.io/kube-apiserver:v1.20.2" in load.wanted_images(seed(), control_plane=True)


def test_mirrors_and_insecure_registries_reach_containerd() -> None:
    hosts = containerd.registry_hosts(
        seed(registry={"registryMirrors": ["mirror.example"], "insecureRegistries": ["reg.example:5000"]})
    )
    assert 'host."https://mirror.example"' in hosts["docker.io"]
    assert "skip_verify = true" in hosts["reg.example:5000"]


def test_the_handed_over_kubeconfig_works_from_outside_and_is_secret(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, _hosts, sink = pretend(monkeypatch, archive)
    machine = cluster.machine("node1")
    assert all(want.seen(machine).so for want in ready.handover(machine, cluster))
    (delivered,) = [event for event in sink.events if isinstance(event, Delivered)]
    assert delivered.content is not None
    assert "server: https://10.99.0.11:6443" in delivered.content.reveal()
    (seen,) = [event for event in sink.events if isinstance(event, Observed) and event.topic == "nodes"]
    assert [node["name"] for node in seen.values] == ["node1", "node2", "node3"]


@pytest.mark.parametrize(
    ("endpoint", "server"),
    [
        ({"externalDNS": True, "domain": "api.corp.example", "port": 8443}, "https://api.corp.example:8443"),
        ({"address": "fd00::9", "port": 6443}, "https://[fd00::9]:6443"),
    ],
)
def test_the_kubeconfigs_server_can_be_resolved_from_outside(
    archive: Path, monkeypatch: pytest.MonkeyPatch, endpoint: dict[str, Any], server: str
) -> None:
    cluster, _hosts, _sink = pretend(monkeypatch, archive, seed(controlPlaneEndpoint=endpoint))
    assert f"server: {server}\n" in ready.kubeconfig(cluster.machine("node1"), cluster).reveal()


def test_every_need_is_a_step() -> None:
    needs = {(path, need) for path, each in STEPS.steps.items() for need in (*each.needs, *each.needs_all)}
    assert len(needs) > 50
    assert [(path, need) for path, need in sorted(needs) if need not in STEPS.steps] == []
