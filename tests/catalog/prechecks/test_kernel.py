"""A kernel that is too old, or lacks modules or control groups, is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.kubeadm.components import kubelet_configuration
from clusters.engine.check import CHECKS
from tests.catalog.prechecks.findings import Case, expect_measured, found
from tests.catalog.pretend import pretend, seed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "case",
    [
        ("os.kernel_min", "node2", {"kernel": "3.10.0-1160"}, "error", "3.10.0"),
        ("os.kernel_modules", "node2", {"modules": (("overlay", "active"),)}, "error", "br_netfilter, nf_conntrack"),
        ("os.cgroups", "node2", {"cgroup_version": 0}, "error", "no control groups mounted"),
        ("os.cgroups", "node2", {"cgroup_controllers": ("cpu", "io")}, "error", "cpuset, memory, pids switched"),
        ("os.cgroups", "node2", {"cgroup_version": 1}, "", ""),
    ],
)
def test_a_bad_machine_is_reported_with_what_was_measured(
    case: Case, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_measured(case, archive, monkeypatch)


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
    ("kernel", "good"),
    [("4.18.0-553.el8_10.x86_64", False), ("5.12.19", False), ("5.13.0-19-generic", True), ("6.1.0-13-amd64", True)],
)
@pytest.mark.parametrize(
    "keys",
    [
        {"proxyMode": "nftables"},
        {"kubeProxyArgs": ["proxy-mode=nftables"]},
        {"proxyMode": "ipvs", "kubeProxyConfiguration": {"mode": "nftables"}},
    ],
)
def test_kube_proxy_takes_no_old_kernel_for_nftables(
    keys: dict[str, Any], kernel: str, good: bool, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = seed(kubernetes={"version": "v1.34.2"} | keys)
    cluster, _, _ = pretend(monkeypatch, archive, document, node2={"kernel": kernel})
    check = CHECKS.checks["os.kernel_nftables"]
    assert check.when is not None and check.when(document) and not check.when(seed())
    found = list(check.body(cluster.machine("node2"), cluster))
    assert bool(found) is not good and all(kernel in each.message and "5.13" in each.message for each in found)


def test_a_mode_that_is_overruled_asks_nothing_of_the_kernel() -> None:
    keys = {"proxyMode": "nftables", "kubeProxyConfiguration": {"mode": "iptables"}}
    when = CHECKS.checks["os.kernel_nftables"].when
    assert when is not None and not when(seed(kubernetes={"version": "v1.34.2"} | keys))


def test_old_control_groups_are_a_warning_from_kubernetes_1_35_on(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {"cgroup_version": 1}
    for version, severities in (("v1.34.1", []), ("v1.35.1", ["warning"]), ("v1.36.3", ["warning"])):
        cluster, _, _ = pretend(monkeypatch, archive, seed(kubernetes={"version": version}), node2=old)
        findings = found("os.cgroups", cluster, "node2")
        assert [finding.severity for finding in findings] == severities, version
        assert all("failCgroupV1: false" in finding.message for finding in findings)
        assert not found("os.cgroups", cluster, "node1")


@pytest.mark.parametrize(
    ("keys", "severity", "words"),
    [
        ({}, "warning", "Slipway sets failCgroupV1: false, and"),
        (
            {"kubeletConfiguration": {"failCgroupV1": False}},
            "warning",
            "In the document kubeletConfiguration has failCgroupV1: f",
        ),
        (
            {"kubeletArgs": ["fail-cgroupv1=false"]},
            "warning",
            "In the document kubeletArgs has fail-cgroupv1=false, and",
        ),
        ({"kubeletConfiguration": {"failCgroupV1": True}}, "error", "kubeletConfiguration has failCgroupV1: true;"),
        ({"kubeletConfiguration": {"failCgroupV1": None}}, "error", "failCgroupV1: null, which leaves the kubelet its"),
        ({"kubeletArgs": ["fail-cgroupv1=true"]}, "error", "kubeletArgs has fail-cgroupv1=true;"),
        (
            {"kubeletArgs": ["fail-cgroupv1=false"], "kubeletConfiguration": {"failCgroupV1": True}},
            "warning",
            "kubeletArgs has fail-cgroupv1=false",
        ),
    ],
)
def test_what_is_said_of_old_control_groups_is_what_the_kubelet_gets(
    archive: Path, monkeypatch: pytest.MonkeyPatch, keys: dict[str, Any], severity: str, words: str
) -> None:
    document = seed(kubernetes={"version": "v1.36.3"} | keys)
    cluster, _, _ = pretend(monkeypatch, archive, document, node2={"cgroup_version": 1})
    (finding,) = found("os.cgroups", cluster, "node2")
    assert finding.severity == severity and words in finding.message
    configuration = kubelet_configuration(cluster)
    if "Slipway sets" in finding.message:
        assert configuration["failCgroupV1"] is False
    elif "null" in finding.message:
        assert "failCgroupV1" not in configuration


def test_a_file_that_overrides_settings_at_boot_is_named(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    check, machine = CHECKS.checks["os.boot_settings"], cluster.machine("node2")
    assert not list(check.body(machine, cluster))
    hosts["node2"].answer("/etc/sysctl.d", "== /etc/sysctl.d/99-hardening.conf\nnet.ipv4.ip_forward = 0\n")
    hosts["node2"].answer("/etc/modprobe.d", "== /usr/lib/modprobe.d/cis.conf\ninstall overlay /bin/false\n")
    (finding,) = check.body(machine, cluster)
    assert "net.ipv4.ip_forward is 0, which /etc/sysctl.d/99-hardening.conf sets" in finding.message
    assert "overlay is not loaded at boot: /usr/lib/modprobe.d/cis.conf" in finding.message
