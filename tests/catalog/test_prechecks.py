"""Each precheck: silent on a good machine, and a measured sentence on a bad one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.pluginneeds import needs_of, sends_directly
from clusters.engine.check import CHECKS
from tests.catalog.pretend import pretend, seed
from tests.catalog.rendered import BOTH

if TYPE_CHECKING:
    from pathlib import Path

BAD: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("access.facts", "node1", {"arch": "riscv64"}, "error", "riscv64"),
    ("access.facts", "node1", {"arch": "arm64"}, "warning", "the document says amd64"),
    ("os.supported", "node2", {"os_id": "slackware", "os_name": "Slackware"}, "warning", "Slackware"),
    ("os.systemd", "node2", {"systemd": False, "init": "openrc"}, "error", "openrc"),
    ("os.swap_off", "node2", {"swap_mb": 512}, "warning", "512 MiB of swap"),
    ("os.kernel_min", "node2", {"kernel": "3.10.0-1160"}, "error", "3.10.0"),
    ("os.kernel_modules", "node2", {"modules": (("overlay", "active"),)}, "error", "br_netfilter, nf_conntrack"),
    ("hw.cpu_role", "node1", {"cpus": 1}, "error", "1 processor"),
    ("hw.ram_role", "node1", {"memory_mb": 1000}, "error", "1000 MiB of memory, its roles need 1700"),
    ("hw.disk_free_role", "node3", {"var_free_mb": 900}, "error", "900 MiB free"),
    ("hw.disk_free_role", "node3", {"var_free_mb": 9000}, "warning", "20000 MiB are recommended"),
    ("time.skew", "node3", {"clock_skew": 41.2}, "error", "41.2 s ahead of the median (limit 30 s)"),
    ("host.machine_id_unique", "node2", {"machine_id": "node1"}, "error", "same machine id as node1"),
    ("host.internal_ip_on_nic", "node2", {"addresses": ()}, "", ""),
    ("k8s.leftovers", "node2", {"traces": ("/etc/kubernetes/admin.conf",)}, "error", "did not put there"),
    ("os.cgroups", "node2", {"cgroup_version": 0}, "error", "no control groups mounted"),
    (
        "os.cgroups",
        "node2",
        {"cgroup_controllers": ("cpu", "io")},
        "error",
        "cpuset, memory, pids switched",
    ),
    ("os.cgroups", "node2", {"cgroup_version": 1}, "", ""),
    ("net.mtu", "node2", {"mtus": (("eth0", 9000),)}, "warning", "up to 9000 bytes (MTU), the others of 1500"),
    ("net.mtu", "node2", {"mtus": ()}, "", ""),
    ("net.default_route", "node2", {"default_interface": ""}, "", ""),
    ("net.ports_free", "node1", {"listening": (22, 6443)}, "error", "listens on 6443"),
]


@pytest.mark.parametrize(("check", "name", "facts", "severity", "words"), BAD)
def test_a_bad_machine_is_told_what_was_measured(
    check: str,
    name: str,
    facts: dict[str, Any],
    severity: str,
    words: str,
    archive: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, **{name: facts})
    found = list(CHECKS.checks[check].body(cluster.machine(name), cluster))
    assert [finding.severity.value for finding in found] == ([severity] if severity else [])
    assert all(words in finding.message for finding in found)


PLUGINS: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, str], str]] = [
    ("net.plugin_ports", {"plugin": "calico"}, {"listening": (22, 179)}, {}, "calico needs 179/tcp on node2"),
    (
        "net.plugin_ports",
        {"plugin": "flannel"},
        {},
        {"/proc/net/udp": "  sl  local_address\n  12: 00000000:2118 00000000:0000 07 00000000:00000000\n"},
        "flannel needs 8472/udp on node2",
    ),
    ("net.plugin_modules", {"plugin": "calico"}, {}, {}, "calico needs ipip, which node2's kernel 6.1.0-13-amd64"),
    ("net.plugin_modules", {"plugin": "kubeovn"}, {}, {}, "kubeovn needs openvswitch, geneve, which"),
    ("net.rp_filter", {"plugin": "calico"}, {}, {"rp_filter": "2\n"}, "rp_filter is 2 (loose) on node2"),
    ("net.rp_filter", {"plugin": "hybridnet"}, {}, {"rp_filter": "2\n"}, "on node2; hybridnet wants 1 or 0"),
    (
        "net.plugin_ports",
        {"plugin": "calico", "calico": {"typha": {"enabled": True}}},
        {"listening": (5473,)},
        {},
        "calico needs 5473/tcp on node2",
    ),
    (
        "net.plugin_ports",
        {"plugin": "hybridnet"},
        {"listening": (9098, 9099)},
        {},
        "hybridnet needs 9098/tcp, 9099/tcp",
    ),
    ("net.plugin_ports", {"plugin": "cilium"}, {"listening": (9890, 9963)}, {}, "cilium needs 9890/tcp on node2"),
    (
        "net.plugin_ports",
        {"plugin": "cilium", "cilium": {"tunnelProtocol": "geneve", "tunnelPort": 6082}},
        {},
        {"/proc/net/udp": "  sl  local_address\n  12: 00000000:17C2 00000000:0000 07 00000000:00000000\n"},
        "cilium needs 6082/udp on node2",
    ),
    (
        "net.plugin_modules",
        {"plugin": "cilium", "cilium": {"encryption": {"enabled": True, "type": "wireguard"}}},
        {},
        {},
        "cilium needs vxlan, wireguard, which",
    ),
    (
        "net.kubeovn_ipv6",
        {"plugin": "kubeovn"},
        {},
        {"/proc/cmdline": "root=/dev/sda1 ipv6.disable=1 ro\n"},
        "The kernel of node2 was started with ipv6.disable=1",
    ),
    ("net.cilium_kernel", {"plugin": "cilium"}, {"kernel": "4.18.0-25-generic"}, {}, "Cilium wants 4.19 or newer"),
    (
        "net.same_subnet",
        {"plugin": "flannel", "flannel": {"backendMode": "host-gw"}},
        {},
        {"route get": "10.99.0.11 10.99.0.11 via 10.0.0.1 dev eth0"},
        "reaches 10.99.0.11 only through a router",
    ),
]


@pytest.mark.parametrize(("check", "network", "facts", "answers", "words"), PLUGINS)
def test_what_a_network_plugin_lacks_is_measured(
    check: str,
    network: dict[str, Any],
    facts: dict[str, Any],
    answers: dict[str, str],
    words: str,
    archive: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(network=network), node2=facts)
    for pattern, answer in answers.items():
        hosts["node2"].answer(pattern, answer)
    when = CHECKS.checks[check].when
    assert when is not None and when(cluster.document)
    (found,) = CHECKS.checks[check].body(cluster.machine("node2"), cluster)
    assert found.severity.value == "error" and words in found.message


def test_what_a_network_plugin_has_is_silent(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = (("vxlan", "loadable"), ("ipip", "active"), ("openvswitch", "active"), ("geneve", "loadable"))
    for plugin in ("calico", "flannel", "cilium", "kubeovn", "hybridnet"):
        cluster, hosts, _ = pretend(monkeypatch, archive, seed(network={"plugin": plugin}), node2={"modules": modules})
        hosts["node2"].answer("rp_filter", "1\n")
        for check in ("net.plugin_ports", "net.plugin_modules", "net.rp_filter"):
            assert list(CHECKS.checks[check].body(cluster.machine("node2"), cluster)) == [], f"{check} of {plugin}"


RHEL_8_6, RHEL_8_10 = "4.18.0-372.9.1.el8.x86_64", "4.18.0-553.el8_10.x86_64"


@pytest.mark.parametrize(
    ("version", "kernel", "good"),
    [
        ("v1.20.2", RHEL_8_6, True),
        ("v1.31.1", RHEL_8_6, True),
        ("v1.31.1", "4.18.0-348.el8.x86_64", False),
        ("v1.34.2", RHEL_8_6, False),
        ("v1.34.2", RHEL_8_10, True),
        ("v1.34.2", "5.4.0-150-generic", False),
        ("v1.34.2", "5.14.0-503.el9.x86_64", True),
    ],
)
def test_cilium_takes_the_kernel_of_rhel_8_by_its_build(
    version: str, kernel: str, good: bool, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = seed(kubernetes={"version": version}, network={"plugin": "cilium"})
    cluster, _, _ = pretend(monkeypatch, archive, document, node2={"kernel": kernel})
    found = list(CHECKS.checks["net.cilium_kernel"].body(cluster.machine("node2"), cluster))
    assert bool(found) is not good


def test_ports_of_ovns_database_are_looked_at_where_its_label_is() -> None:
    hosts = [
        {"name": name, "address": address, "user": "u", "password": "x", "labels": {"ovn": "yes"} if last else {}}
        for name, address, last in (
            ("node1", "10.0.0.1", False),
            ("node2", "10.0.0.2", False),
            ("node3", "10.0.0.3", True),
        )
    ]
    network = {"plugin": "kubeovn", "kubeovn": {"label": "ovn=yes"}}
    document = seed(hosts=hosts, kubernetes={"version": "v1.28.2"}, network=network)
    assert {6641, 10661} <= set(needs_of(document, "node3").tcp)
    assert needs_of(document, "node1").tcp == (10660, 10665)


def test_wireguard_of_flannel_has_a_port_for_each_family() -> None:
    network = {"plugin": "flannel", "flannel": {"backendMode": "wireguard"}, **BOTH}
    assert needs_of(seed(network=network), "node1").udp == (51820, 51821)


def test_cilium_without_tunnels_opens_no_port_for_them_and_wants_neighbours() -> None:
    native = seed(network={"plugin": "cilium", "cilium": {"routingMode": "native", "autoDirectNodeRoutes": True}})
    assert needs_of(native, "node1").udp == () and sends_directly(native)
    assert not sends_directly(seed(network={"plugin": "cilium"}))


def test_a_plugin_that_runs_already_holds_its_own_ports(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(
        monkeypatch, archive, seed(network={"plugin": "calico"}), node2={"listening": (179, 9099)}
    )
    hosts["node2"].put(b"{}", "/etc/slipway/cluster.json")
    assert list(CHECKS.checks["net.plugin_ports"].body(cluster.machine("node2"), cluster)) == []


def test_every_precheck_is_silent_on_good_machines(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    for name, host in hosts.items():
        others = [f"{address} {address} dev eth0" for address in ("10.99.0.11", "10.99.0.12", "10.99.0.13")]
        host.answer("ip -o route get", "\n".join(others))
        meant = [each for each in CHECKS.checks.values() if each.when is None or each.when(cluster.document)]
        assert len(meant) > 25
        for check in meant:
            assert list(check.body(cluster.machine(name), cluster)) == [], f"{check.id} on {name}"


def test_ipvs_without_its_modules_is_an_error_that_names_the_way_out(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = seed(kubernetes={"version": "v1.20.2", "proxyMode": "ipvs"})
    cluster, _, _ = pretend(monkeypatch, archive, document)
    (found,) = CHECKS.checks["os.kernel_modules"].body(cluster.machine("node2"), cluster)
    assert "ip_vs" in found.message and "iptables" in found.hint


def test_nftables_without_its_module_is_an_error_that_names_the_way_out(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = seed(kubernetes={"version": "v1.34.2", "proxyMode": "nftables"})
    cluster, _, _ = pretend(monkeypatch, archive, document)
    (found,) = CHECKS.checks["os.kernel_modules"].body(cluster.machine("node2"), cluster)
    assert found.message == "node2's kernel has no nf_tables." and "iptables" in found.hint


@pytest.mark.parametrize(
    ("kernel", "good"), [(RHEL_8_10, False), ("5.12.19", False), ("5.13.0-19-generic", True), ("6.1.0-13-amd64", True)]
)
@pytest.mark.parametrize(
    "said",
    [
        {"proxyMode": "nftables"},
        {"kubeProxyArgs": ["proxy-mode=nftables"]},
        {"proxyMode": "ipvs", "kubeProxyConfiguration": {"mode": "nftables"}},
    ],
)
def test_kube_proxy_takes_no_old_kernel_for_nftables(
    said: dict[str, Any], kernel: str, good: bool, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = seed(kubernetes={"version": "v1.34.2"} | said)
    cluster, _, _ = pretend(monkeypatch, archive, document, node2={"kernel": kernel})
    check = CHECKS.checks["os.kernel_nftables"]
    assert check.when is not None and check.when(document) and not check.when(seed())
    found = list(check.body(cluster.machine("node2"), cluster))
    assert bool(found) is not good and all(kernel in each.message and "5.13" in each.message for each in found)


def test_a_mode_that_is_overruled_asks_nothing_of_the_kernel() -> None:
    said = {"proxyMode": "nftables", "kubeProxyConfiguration": {"mode": "iptables"}}
    when = CHECKS.checks["os.kernel_nftables"].when
    assert when is not None and not when(seed(kubernetes={"version": "v1.34.2"} | said))


def test_leftovers_of_our_own_earlier_run_are_no_error(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(
        monkeypatch, archive, node2={"traces": ("/var/lib/etcd/member",), "listening": (10250,)}
    )
    hosts["node2"].put(json.dumps({"cluster": "sample"}).encode(), "/etc/slipway/cluster.json")
    for check in ("k8s.leftovers", "net.ports_free"):
        assert list(CHECKS.checks[check].body(cluster.machine("node2"), cluster)) == []
    hosts["node2"].put(json.dumps({"cluster": "other"}).encode(), "/etc/slipway/cluster.json")
    (found,) = CHECKS.checks["k8s.leftovers"].body(cluster.machine("node2"), cluster)
    assert "belongs to the cluster other" in found.message


def test_a_node_behind_a_router_is_an_error_for_bridge(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node2"].answer("ip -o route get", "10.99.0.11 10.99.0.11 via 10.0.0.1 dev eth0")
    (found,) = CHECKS.checks["net.same_subnet"].body(cluster.machine("node2"), cluster)
    assert "10.99.0.11" in found.message


def test_cri_o_has_to_be_there_where_it_is_chosen(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = seed(kubernetes={"containerManager": "crio"})
    cluster, hosts, _ = pretend(monkeypatch, archive, document)
    check = CHECKS.checks["cri.crio_there"]
    assert check.when is not None and check.when(document) and not check.when(seed())
    hosts["node2"].answer("command -v crio", 1)
    assert not list(check.body(cluster.machine("node1"), cluster))
    (finding,) = check.body(cluster.machine("node2"), cluster)
    assert "node2 has no CRI-O" in finding.message


def test_certificates_of_registries_have_to_be_on_the_machine(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    auths = {"hub.example.com": {"certsPath": "/etc/ssl/hub"}}
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(registry={"auths": auths}))
    hosts["node2"].answer("for f in /etc/ssl/hub/ca.crt", "/etc/ssl/hub/ca.crt\n")
    check = CHECKS.checks["registry.files_there"]
    assert not list(check.body(cluster.machine("node1"), cluster))
    (finding,) = check.body(cluster.machine("node2"), cluster)
    assert finding.message == "node2 has no /etc/ssl/hub/ca.crt."


def test_a_docker_that_somebody_uses_is_not_taken_over_in_passing(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node2"].answer("docker ps -q", "abc\ndef\n")
    machine, check = cluster.machine("node2"), CHECKS.checks["cri.unused"]
    (finding,) = check.body(machine, cluster)
    assert "node2 runs 2 containers" in finding.message
    hosts["node2"].put(b"{}", "/etc/slipway/cluster.json")
    assert not list(check.body(machine, cluster)), "an own earlier run is no stranger"
