"""Each precheck: no finding on a good machine, and a finding with the measured value on a bad one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from clusters.engine.check import CHECKS
from tests.catalog.pretend import pretend, seed

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
def test_a_bad_machines_finding_has_the_measured_value(
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


def test_prechecks_have_no_findings_on_good_machines(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    for name, host in hosts.items():
        others = [f"{address} {address} dev eth0" for address in ("10.99.0.11", "10.99.0.12", "10.99.0.13")]
        host.answer("ip -o route get", "\n".join(others))
        meant = [each for each in CHECKS.checks.values() if each.when is None or each.when(cluster.document)]
        assert len(meant) > 25
        for check in meant:
            assert list(check.body(cluster.machine(name), cluster)) == [], f"{check.id} on {name}"


def test_ipvs_without_its_modules_is_an_error_with_a_hint(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = seed(kubernetes={"version": "v1.20.2", "proxyMode": "ipvs"})
    cluster, _, _ = pretend(monkeypatch, archive, document)
    (found,) = CHECKS.checks["os.kernel_modules"].body(cluster.machine("node2"), cluster)
    assert "ip_vs" in found.message and "iptables" in found.hint


def test_nftables_without_its_module_is_an_error_with_a_hint(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = seed(kubernetes={"version": "v1.34.2", "proxyMode": "nftables"})
    cluster, _, _ = pretend(monkeypatch, archive, document)
    (found,) = CHECKS.checks["os.kernel_modules"].body(cluster.machine("node2"), cluster)
    assert found.message == "node2's kernel has no nf_tables." and "iptables" in found.hint


@pytest.mark.parametrize(
    ("kernel", "good"),
    [("4.18.0-553.el8_10.x86_64", False), ("5.12.19", False), ("5.13.0-19-generic", True), ("6.1.0-13-amd64", True)],
)
@pytest.mark.parametrize(
    "settings",
    [
        {"proxyMode": "nftables"},
        {"kubeProxyArgs": ["proxy-mode=nftables"]},
        {"proxyMode": "ipvs", "kubeProxyConfiguration": {"mode": "nftables"}},
    ],
)
def test_kube_proxy_refuses_nftables_on_an_old_kernel(
    settings: dict[str, Any], kernel: str, good: bool, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = seed(kubernetes={"version": "v1.34.2"} | settings)
    cluster, _, _ = pretend(monkeypatch, archive, document, node2={"kernel": kernel})
    check = CHECKS.checks["os.kernel_nftables"]
    assert check.when is not None and check.when(document) and not check.when(seed())
    found = list(check.body(cluster.machine("node2"), cluster))
    assert bool(found) is not good and all(kernel in each.message and "5.13" in each.message for each in found)


def test_an_overridden_mode_does_not_require_a_kernel() -> None:
    settings = {"proxyMode": "nftables", "kubeProxyConfiguration": {"mode": "iptables"}}
    when = CHECKS.checks["os.kernel_nftables"].when
    assert when is not None and not when(seed(kubernetes={"version": "v1.34.2"} | settings))


def test_leftovers_of_our_own_earlier_run_are_accepted(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_cri_o_must_be_installed_if_it_is_chosen(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = seed(kubernetes={"containerManager": "crio"})
    cluster, hosts, _ = pretend(monkeypatch, archive, document)
    check = CHECKS.checks["cri.crio_there"]
    assert check.when is not None and check.when(document) and not check.when(seed())
    hosts["node2"].answer("command -v crio", 1)
    assert not list(check.body(cluster.machine("node1"), cluster))
    (finding,) = check.body(cluster.machine("node2"), cluster)
    assert "node2 has no CRI-O" in finding.message


def test_certificates_of_registries_must_be_on_the_machine(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    auths = {"hub.example.com": {"certsPath": "/etc/ssl/hub"}}
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(registry={"auths": auths}))
    hosts["node2"].answer("for f in /etc/ssl/hub/ca.crt", "/etc/ssl/hub/ca.crt\n")
    check = CHECKS.checks["registry.files_there"]
    assert not list(check.body(cluster.machine("node1"), cluster))
    (finding,) = check.body(cluster.machine("node2"), cluster)
    assert finding.message == "node2 has no /etc/ssl/hub/ca.crt."


def test_a_docker_in_use_is_not_taken_over(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node2"].answer("docker ps -q", "abc\ndef\n")
    machine, check = cluster.machine("node2"), CHECKS.checks["cri.unused"]
    (finding,) = check.body(machine, cluster)
    assert "node2 runs 2 containers" in finding.message
    hosts["node2"].put(b"{}", "/etc/slipway/cluster.json")
    assert not list(check.body(machine, cluster)), "containers of an earlier run of our own are allowed"
