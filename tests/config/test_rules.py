"""Rules that no file of the corpus covers, and cases in which rules must not report anything."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.config import rules
from clusters.config.defaults import starter_document
from clusters.config.kubernetes_versions import newest_proven
from clusters.config.schema import (
    ControlPlaneEndpoint,
    Document,
    Etcd,
    Host,
    Kubernetes,
    Network,
    Registry,
    RoleGroups,
)
from clusters.config.secret import Secret
from clusters.config.sections.kubernetes import KUBEKEY_TAKES
from tests.config.documents import seed_document


def _ids(document: Document) -> set[str]:
    return {finding.id for finding in rules.check(document)}


def _host(**changes: Any) -> set[str]:
    document = seed_document()
    first = document.hosts[0].model_copy(update=changes)
    return _ids(document.model_copy(update={"hosts": (first, *document.hosts[1:])}))


def _kubernetes(**changes: Any) -> set[str]:
    document = seed_document()
    return _ids(document.model_copy(update={"kubernetes": document.kubernetes.model_copy(update=changes)}))


def _network(pods: str = "10.233.64.0/18", services: str = "10.233.0.0/18", **changes: Any) -> set[str]:
    network = Network(plugin="bridge", kube_pods_cidr=pods, kube_service_cidr=services)
    return _ids(seed_document(network=network, **changes))


def test_the_seed_example_is_without_findings() -> None:
    assert rules.check(seed_document()) == ()


def test_a_new_draft_lacks_machines_and_roles_only() -> None:
    assert _ids(starter_document()) == {"hosts.none", "role.no_master", "role.no_worker", "role.no_etcd"}


def test_findings_come_in_the_order_of_the_file() -> None:
    document = Document(name="", kubernetes=Kubernetes(version="v1.23.17"), network=Network(plugin="x"))
    paths = [finding.path for finding in rules.check(document)]
    assert paths == [
        "metadata.name",
        "spec.hosts",
        "spec.roleGroups.etcd",
        "spec.roleGroups.master",
        "spec.roleGroups.worker",
        "spec.network.plugin",
    ]


@pytest.mark.parametrize(
    ("changes", "id"),
    [
        ({"name": "localhost"}, "host.name_syntax"),
        ({"name": "a" * 64}, "host.name_syntax"),
        ({"name": "node1-"}, "host.name_syntax"),
        ({"user": "root@host"}, None),
        ({"user": "-oProxyCommand=x"}, "host.user_syntax"),
        ({"user": "two words"}, "host.user_syntax"),
        ({"port": 0}, "host.port_range"),
        ({"timeout": 0}, "host.timeout_range"),
        ({"address": "node1.example.com"}, None),
        ({"address": "ubuntu@10.1.2.3"}, "host.address_syntax"),
        ({"address": "10.1.2"}, "host.address_syntax"),
        ({"internal_address": "node1.example.com"}, "host.node_address_not_ip"),
        ({"internal_address": "10.1.2.3,fd00::1"}, None),
        ({"internal_address": "fd00::1"}, "host.ipv6"),
        ({"internal_address": "0.0.0.0"}, "host.address_reserved"),
        ({"arch": "x86"}, "host.arch_unknown"),
        ({"arch": "arm64"}, None),
        ({"labels": {"zone": "a b"}}, "host.label_syntax"),
        ({"labels": {"example.com/zone": "a"}}, None),
        ({"private_key": Secret("ssh-ed25519 AAAA")}, "host.private_key_syntax"),
        ({"private_key": Secret("-----BEGIN OPENSSH PRIVATE KEY-----\nx\n")}, None),
    ],
)
def test_a_machine(changes: dict[str, Any], id: str | None) -> None:
    found = {each for each in _host(**changes) if each.startswith("host.") and each != "host.no_role"}
    assert found == ({id} if id else set())


def test_machines_behind_one_address_with_different_ports_are_fine() -> None:
    hosts = tuple(
        Host(name=f"node{n}", address="192.0.2.1", port=2200 + n, internal_address=f"10.1.1.{n}", password=Secret("x"))
        for n in (1, 2, 3)
    )
    assert _ids(seed_document(hosts=hosts)) == set()


def test_machines_that_share_only_the_address_collide_inside_the_cluster() -> None:
    hosts = tuple(Host(name=f"node{n}", address="10.1.1.1", port=2200 + n, password=Secret("x")) for n in (1, 2, 3))
    assert _ids(seed_document(hosts=hosts)) == {"host.internal_duplicate"}


def test_the_same_row_twice_is_one_finding_about_the_address() -> None:
    hosts = tuple(Host(name=f"node{n}", address="10.1.1.1", password=Secret("x")) for n in (1, 2, 3))
    assert [finding.path for finding in rules.check(seed_document(hosts=hosts))] == [
        "spec.hosts.1.address",
        "spec.hosts.2.address",
    ]


def test_a_custom_group_counts_as_a_role() -> None:
    groups = {"etcd": ("node1",), "master": ("node1",), "worker": ("node2",)}
    assert _ids(seed_document(role_groups=RoleGroups.model_validate(groups))) == {"host.no_role"}
    groups["registry"] = ("node3",)
    assert _ids(seed_document(role_groups=RoleGroups.model_validate(groups))) == set()


def test_master_and_control_plane_name_one_machine_once() -> None:
    groups = {"etcd": ("node1",), "master": ("node1",), "control-plane": ("node1",), "worker": ("node[2:3]",)}
    assert _ids(seed_document(role_groups=RoleGroups.model_validate(groups))) == {"role.duplicate"}


def test_an_empty_entry_is_reported() -> None:
    groups = RoleGroups(etcd=("node1",), master=("node1",), worker=("node2", "node3", ""))
    assert _ids(seed_document(role_groups=groups)) == {"role.name_missing"}


def test_nine_etcd_members_are_many() -> None:
    hosts = tuple(Host(name=f"node{n}", address=f"10.1.1.{n}", password=Secret("x")) for n in range(1, 10))
    groups = RoleGroups(etcd=("node[1:9]",), master=("node1",), worker=("node[2:9]",))
    assert _ids(seed_document(hosts=hosts, role_groups=groups)) == {"etcd.many"}


@pytest.mark.parametrize(
    ("endpoint", "id"),
    [
        ({"domain": ""}, "endpoint.domain_missing"),
        ({"domain": "10.1.2.3"}, "endpoint.domain_is_address"),
        ({"domain": "node2"}, "endpoint.domain_is_host"),
        ({"port": 65536}, "endpoint.port_range"),
        ({"port": 10250}, "endpoint.port_taken"),
        ({"port": 30443}, "endpoint.port_taken"),
        ({"port": 22}, "endpoint.port_taken"),
        ({"port": 8443}, None),
        ({"address": "lb.example.com"}, "endpoint.address_syntax"),
        ({"address": "172.16.0.3"}, "endpoint.address_is_other_machine"),
        ({"address": "172.16.0.2"}, None),
        ({"address": "192.0.2.9"}, None),
        ({"address": "10.233.64.9"}, "network.overlaps_machines"),
        ({"internal_loadbalancer": "kubevip"}, "endpoint.load_balancer_unknown"),
    ],
)
def test_the_endpoint(endpoint: dict[str, Any], id: str | None) -> None:
    found = _ids(seed_document(control_plane_endpoint=ControlPlaneEndpoint.model_validate(endpoint)))
    assert found == ({id} if id else set())


@pytest.mark.parametrize(
    ("changes", "id"),
    [
        ({"version": "v1.34.2"}, None),
        ({"version": "1.20.2"}, None),
        ({"version": "v1.38.0"}, "kubernetes.version_unknown"),
        ({"proxy_mode": "ipvs"}, None),
        ({"container_manager": "podman"}, "kubernetes.container_manager_unknown"),
        ({"container_manager": "crio"}, None),
        ({"container_manager": "isula"}, "kubernetes.container_manager_not_built"),
        ({"cluster_name": ""}, "kubernetes.cluster_name_missing"),
        ({"dns_domain": "Cluster.Local"}, "kubernetes.dns_domain_syntax"),
        ({"max_pods": 0}, "kubernetes.max_pods_range"),
        ({"max_pods": 254}, None),
        ({"max_pods": 255}, "kubernetes.max_pods_too_many"),
        ({"node_cidr_mask_size": 31}, "kubernetes.mask_range"),
        ({"apiserver_cert_extra_sans": ("*.example.com", "192.0.2.1")}, None),
        ({"apiserver_cert_extra_sans": ("https://example.com",)}, "kubernetes.san_syntax"),
    ],
)
def test_kubernetes(changes: dict[str, Any], id: str | None) -> None:
    assert _kubernetes(**changes) == ({id} if id else set())


def test_the_mask_that_is_proposed_is_large_enough() -> None:
    document = seed_document()
    for pods in (255, 300, 510, 511, 1000):
        kubernetes = document.kubernetes.model_copy(update={"max_pods": pods})
        hint = next(f.hint for f in rules.check(document.model_copy(update={"kubernetes": kubernetes})))
        mask = int(hint.rstrip(".").rpartition(" ")[2])
        assert 2 ** (32 - mask) - 2 >= pods > 2 ** (31 - mask) - 2


@pytest.mark.parametrize(
    ("etcd", "id"),
    [
        ({"type": "kubeadm"}, None),
        ({"type": "kubeadm", "peer_port": 2480}, "etcd.kubeadm_port"),
        ({"type": "kubekye"}, "etcd.type_unknown"),
        ({"port": 0}, "etcd.port_range"),
        ({"port": 2380}, "etcd.ports_same"),
        ({"data_dir": "var/lib/etcd"}, "etcd.data_dir"),
        ({"data_dir": "/"}, "etcd.data_dir"),
        ({"data_dir": "/data/etcd"}, None),
    ],
)
def test_etcd(etcd: dict[str, Any], id: str | None) -> None:
    assert _ids(seed_document(etcd=Etcd.model_validate(etcd))) == ({id} if id else set())


@pytest.mark.parametrize(
    ("networks", "id"),
    [
        ({"pods": "10.0.0.0"}, "network.cidr_syntax"),
        ({"pods": ""}, "network.cidr_syntax"),
        ({"pods": "127.0.0.0/8"}, "network.cidr_reserved"),
        ({"pods": "10.233.64.0/26"}, "network.pods_too_small"),
        ({"pods": "10.0.0.0/7", "services": "192.168.0.0/24"}, "network.mask_too_far"),
        ({"services": "10.233.0.0/29"}, "network.services_too_small"),
        ({"services": "10.0.0.0/11", "pods": "10.240.0.0/16"}, "network.services_too_large"),
        ({"services": "10.0.0.0/12"}, None),
    ],
)
def test_networks(networks: dict[str, str], id: str | None) -> None:
    assert _network(**networks) == ({id} if id else set())


def test_no_network_plugin_is_a_warning() -> None:
    findings = rules.check(seed_document(network=Network(plugin="none")))
    assert [(finding.id, finding.blocking) for finding in findings] == [("network.plugin_none", False)]


@pytest.mark.parametrize(
    ("registry", "id"),
    [
        ({"private_registry": "https://hub.example.com"}, "registry.scheme"),
        ({"private_registry": "hub example"}, "registry.syntax"),
        ({"private_registry": "hub.example.com:5000/lib"}, None),
        ({"registry_mirrors": ("hub.example.com",)}, "registry.mirror_syntax"),
        ({"registry_mirrors": ("https://hub.example.com:5000",)}, None),
        ({"insecure_registries": ("http://hub",)}, "registry.insecure_scheme"),
    ],
)
def test_registries(registry: dict[str, Any], id: str | None) -> None:
    assert _ids(seed_document(registry=Registry.model_validate(registry))) == ({id} if id else set())


def test_kubekeys_own_defaults_can_be_built() -> None:
    assert _ids(seed_document(kubernetes=Kubernetes(version=KUBEKEY_TAKES))) == set()


def test_without_a_version_the_newest_proven_one_is_installed() -> None:
    assert Kubernetes().version == Kubernetes(version="").version == newest_proven() == "v1.37.2"


def test_gates_of_etcd_go_into_one_line_with_the_one_that_kubeadm_sets() -> None:
    lines = (
        "ETCD_EXPERIMENTAL_ENABLE_LEASE_CHECKPOINT=true",
        "ETCD_EXPERIMENTAL_ENABLE_LEASE_CHECKPOINT_PERSIST=false",
    )
    kubernetes = seed_document().kubernetes.model_copy(update={"version": "v1.37.2"})
    for kind, before in (("kubeadm", "InitialCorruptCheck=true,"), ("kubekey", "")):
        document = seed_document(kubernetes=kubernetes, etcd=Etcd(type=kind, extra_args=lines))
        hints = {each.hint for each in rules.check(document) if each.id == "etcd.extra_arg_removed"}
        gates = f"{before}LeaseCheckpoint=true,LeaseCheckpointPersist=false"
        assert hints == {f"Write ETCD_FEATURE_GATES={gates} in place of all such lines."}


@pytest.mark.parametrize(
    ("line", "version", "hint"),
    [
        ("ETCD_EXPERIMENTAL_MAX_LEARNERS=2", "v1.36.3", "Write ETCD_MAX_LEARNERS=2."),
        ("ETCD_EXPERIMENTAL_WAIT_CLUSTER_READY_TIMEOUT=5s", "v1.36.3", "Remove the line."),
        ("ETCD_LOG_OUTPUT=stderr", "v1.36.3", "Write ETCD_LOG_OUTPUTS=stderr."),
        ("ETCD_DISCOVERY=https://discovery.example/1", "v1.37.2", "Remove the line."),
        ("ETCD_DISCOVERY_PROXY=http://proxy.example", "v1.37.2", "Remove the line."),
    ],
)
def test_what_etcd_itself_refuses_is_found(line: str, version: str, hint: str) -> None:
    kubernetes = seed_document().kubernetes.model_copy(update={"version": version})
    for kind, severity in (("kubeadm", "error"), ("kubekey", "warning")):
        document = seed_document(kubernetes=kubernetes, etcd=Etcd(type=kind, extra_args=(line,)))
        (finding,) = (each for each in rules.check(document) if each.id == "etcd.extra_arg_removed")
        assert (finding.severity.value, finding.hint) == (severity, hint)


def test_flags_of_an_etcd_that_is_there_already_are_its_owners_affair() -> None:
    kubernetes = seed_document().kubernetes.model_copy(update={"version": "v1.37.2"})
    etcd = Etcd(type="external", extra_args=("ETCD_ENABLE_V2=true",))
    assert "etcd.extra_arg_removed" not in _ids(seed_document(kubernetes=kubernetes, etcd=etcd))


def test_ipvs_is_reported_with_the_versions_in_which_it_ends() -> None:
    document = seed_document()
    kubernetes = document.kubernetes.model_copy(update={"version": "v1.37.2", "proxy_mode": "ipvs"})
    (found,) = (
        each
        for each in rules.check(document.model_copy(update={"kubernetes": kubernetes}))
        if each.id == "compat.ipvs_deprecated"
    )
    assert "since v1.35" in found.message and "v1.40" in found.message and "v1.43" in found.message
