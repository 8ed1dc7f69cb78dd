"""What is measured on one machine: control groups, disk, routes, firewall, proxy, clock, packages, and who it is."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.kubeadm.components import kubelet_configuration
from clusters.catalog.prechecks import etcd_disk, installer, packages, proxy
from clusters.engine.check import CHECKS
from clusters.engine.step import machines_for
from tests.catalog.golden import dual_stack
from tests.catalog.pretend import answers_dials, pretend, seed

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster

PROXY = "HTTPS_PROXY=http://joe:secret@proxy.example:3128\n"


def found(check: str, cluster: Cluster, name: str = "node1") -> list[Finding]:
    return list(CHECKS.checks[check].body(cluster.machine(name), cluster))


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
    ("said", "severity", "words"),
    [
        ({}, "warning", "Slipway sets failCgroupV1: false, and"),
        (
            {"kubeletConfiguration": {"failCgroupV1": False}},
            "warning",
            "Here kubeletConfiguration says failCgroupV1: f",
        ),
        ({"kubeletArgs": ["fail-cgroupv1=false"]}, "warning", "Here kubeletArgs say fail-cgroupv1=false, and"),
        ({"kubeletConfiguration": {"failCgroupV1": True}}, "error", "kubeletConfiguration says failCgroupV1: true;"),
        ({"kubeletConfiguration": {"failCgroupV1": None}}, "error", "failCgroupV1: null, which leaves the kubelet its"),
        ({"kubeletArgs": ["fail-cgroupv1=true"]}, "error", "kubeletArgs say fail-cgroupv1=true;"),
        (
            {"kubeletArgs": ["fail-cgroupv1=false"], "kubeletConfiguration": {"failCgroupV1": True}},
            "warning",
            "kubeletArgs say fail-cgroupv1=false",
        ),
    ],
)
def test_what_is_said_of_old_control_groups_is_what_the_kubelet_gets(
    archive: Path, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any], severity: str, words: str
) -> None:
    document = seed(kubernetes={"version": "v1.36.3"} | said)
    cluster, _, _ = pretend(monkeypatch, archive, document, node2={"cgroup_version": 1})
    (finding,) = found("os.cgroups", cluster, "node2")
    assert finding.severity == severity and words in finding.message
    configuration = kubelet_configuration(cluster)
    if "Slipway sets" in finding.message:
        assert configuration["failCgroupV1"] is False
    elif "null" in finding.message:
        assert "failCgroupV1" not in configuration


def copied(*milliseconds: float) -> str:
    lines = [f"2300 bytes (2.3 kB, 2.2 KiB) copied, {each / 1000:.6f} s, 2.8 MB/s" for each in milliseconds]
    return "1+0 records in\n1+0 records out\n" + "\n".join(lines)


def test_a_slow_disk_under_etcd_is_a_warning_with_what_was_measured(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node1"].answer("oflag=dsync", copied(*[2.0] * 45, *[30.0] * 5))
    (finding,) = found("etcd.fsync_p90", cluster)
    assert finding.severity.value == "warning"
    assert finding.message == (
        "On node1 of 50 synchronous writes nine in ten took up to 30.0 ms; etcd wants 10 ms at most."
    )
    hosts["node1"].answer("oflag=dsync", copied(*[2.0] * 47, *[30.0] * 3))
    assert not found("etcd.fsync_p90", cluster)
    hosts["node1"].answer("oflag=dsync", "dd: invalid flag")
    assert not found("etcd.fsync_p90", cluster), "what was not measured is not complained of"


def test_the_disk_is_really_written_and_nothing_stays(tmp_path: Path) -> None:
    command = etcd_disk.writing(str(tmp_path / "not" / "there" / "yet"))
    ran = subprocess.run(["/bin/sh", "-c", command.text], check=True, capture_output=True, text=True)
    assert ran.stdout.count("copied, ") == etcd_disk.WRITES, ran.stdout
    assert list(tmp_path.iterdir()) == []


def test_only_machines_that_get_etcd_are_measured() -> None:
    groups = {"etcd": ["node3"], "master": ["node1", "node2"], "worker": []}
    assert machines_for("etcd-member", seed(roleGroups=groups)) == ("node3",)
    assert machines_for("etcd-member", seed(roleGroups=groups, etcd={"type": "kubeadm"})) == ("node1", "node2")
    assert machines_for("etcd-member", seed(roleGroups=groups, etcd={"type": "external"})) == ()


def test_members_of_etcd_that_are_far_apart_are_told(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = {"etcd": ["node1", "node2", "node3"], "master": ["node1"], "worker": []}
    document = seed(roleGroups=groups)
    cluster, hosts, _ = pretend(monkeypatch, archive, document)
    check = CHECKS.checks["net.latency"]
    assert check.when is not None and check.when(document) and not check.when(seed())
    far = "".join(f"10.99.0.13/2380 {micros}\n" for micros in (34000, 35000, 1_034_000, 34100, 34200))
    hosts["node1"].answer("for each in 10.99.0.12/2380", "10.99.0.12/2380 410\n10.99.0.12/2380 380\n" + far)
    (finding,) = found("net.latency", cluster)
    assert finding.message.startswith("node1 waits 34 ms for an answer of node3, another etcd member")
    hosts["node1"].answer("for each in 10.99.0.12/2380", "10.99.0.12/2380 1034000\n10.99.0.13/2380 700\n")
    assert not found("net.latency", cluster), "a packet that was sent twice measures nothing"


def test_no_way_to_services_is_an_error_unless_there_is_a_route_to_them(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, node2={"default_interface": ""})
    assert not found("net.default_route", cluster, "node2")
    hosts["node2"].answer("ip -o route get 10.233.0.1", 2)
    (finding,) = found("net.default_route", cluster, "node2")
    assert "node2 has no default route and none to the services (10.233.0.1)" in finding.message


def test_no_way_to_services_of_the_second_network_is_a_warning(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, dual_stack("v1.30.0"))
    assert not found("net.default_route", cluster, "node2")
    hosts["node2"].answer("ip -o route get fd85:ee79::1", 2)
    (finding,) = found("net.default_route", cluster, "node2")
    assert "none to the services (fd85:ee79::1)" in finding.message and not finding.blocking


def test_the_machine_slipway_runs_on_is_told(archive: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, place in (("mine", "MACHINE_ID"), ("kernel", "BOOT_ID")):
        (tmp_path / place).write_text(f"{name}\n")
        monkeypatch.setattr(installer, place, tmp_path / place)
    cluster, _, _ = pretend(
        monkeypatch,
        archive,
        node1={"machine_id": "mine"},
        node2={"boot_id": "kernel"},
        node3={"boot_id": "kernel", "virtualization": "systemd-nspawn"},
    )
    check = "host.not_the_installer_itself"
    assert [len(found(check, cluster, name)) for name in ("node1", "node2", "node3")] == [1, 1, 0]
    assert "node2 is the machine that Slipway itself runs on" in found(check, cluster, "node2")[0].message


def test_an_active_firewall_is_told_with_the_ports_of_the_machine(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(network={"plugin": "flannel"}))
    hosts["node1"].answer("is-active --quiet firewalld", "firewalld\n")
    (finding,) = found("os.firewall", cluster)
    assert finding.message.startswith("firewalld is active on node1; Slipway does not change its rules.")
    assert "2379/tcp, 2380/tcp, 6443/tcp, 10250/tcp, 10257/tcp, 10259/tcp, 8472/udp" in finding.message
    assert not found("os.firewall", cluster, "node2")


def test_a_proxy_that_takes_the_clusters_own_addresses_is_told_without_its_password(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node2"].answer("env | grep", PROXY + "no_proxy=localhost,.kubesphere.local,10.233.0.0/18\n")
    (finding,) = found("proxy.ok", cluster, "node2")
    assert "through a proxy (proxy.example:3128), also to 10.99.0.11:" in finding.message
    assert "secret" not in finding.message
    hosts["node2"].answer("env | grep", PROXY + "no_proxy=lb.kubesphere.local,10.99.0.0/24,10.233.0.0/16\n")
    assert not found("proxy.ok", cluster, "node2")


@pytest.mark.parametrize(
    ("host", "no_proxy", "through"),
    [
        ("10.1.2.3", "10.0.0.0/8", False),
        ("10.1.2.3", "10.1.2", True),
        ("10.1.2.3", "a.b, 10.1.2.3", False),
        ("lb.example.com", "example.com", False),
        ("lb.example.com", ".example.com", False),
        ("lb.example.com", "*.example.com", False),
        ("lb.example.com", "ample.com", True),
        ("lb.example.com", "", True),
        ("lb.example.com", "*", False),
        ("10.1.2.3", "nonsense/8", True),
    ],
)
def test_no_proxy_is_read_as_gos_programs_read_it(host: str, no_proxy: str, through: bool) -> None:
    assert proxy.bypassed(host, no_proxy) is not through


@pytest.mark.parametrize(
    ("said", "facts", "told"),
    [
        ("NTPSynchronized=no\n", {}, 1),
        ("NTPSynchronized=yes\n", {}, 0),
        ("     NTP enabled: yes\nNTP synchronized: no\n", {}, 1),
        ("System clock synchronized: yes\n", {}, 0),
        ("", {}, 0),
        ("NTPSynchronized=no\n", {"container": True}, 0),
    ],
)
def test_a_clock_that_nobody_keeps_is_a_warning(
    said: str, facts: dict[str, Any], told: int, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, node2=facts)
    hosts["node2"].answer("timedatectl", said)
    assert len(found("time.ntp_active", cluster, "node2")) == told
    when = CHECKS.checks["time.ntp_active"].when
    assert when is not None and when(seed()) and not when(seed(system={"ntpServers": ["pool.ntp.org"]}))


APT = "source http://deb.example/debian/dists/stable/InRelease\nsource https://sec.example/x\n"


@pytest.mark.parametrize(
    ("sources", "dials", "words"),
    [
        ("none\n", {}, "has none of the package tools"),
        ("", {}, "no package source is set up there"),
        (APT, {}, ""),
        (APT, {"deb.example": "", "sec.example": "connected"}, ""),
        (APT, {"deb.example": "", "sec.example": "connect: Connection refused"}, "reaches none of its package"),
        (APT + "source file:/srv/packages/x\n", {"deb.example": "", "sec.example": ""}, ""),
        (
            "proxy http://proxy.example:3128\n" + APT,
            {"proxy.example/3128": "", "deb.example": ""},
            "proxy.example: ",
        ),
        ("proxy http://proxy.example:3128\n" + APT, {"deb.example": "", "sec.example": ""}, ""),
        (
            "source https://[::1/x\nsource http://h:99999999/x\nproxy http://[x\n",
            {},
            "no package source is set up there",
        ),
        ("source https://[::1/x\nproxy http://p:x\n" + APT, {"deb.example": "", "sec.example": "connected"}, ""),
        ("source http://mirror.example/$releasever/x\n", {"mirror.example/80": ""}, "mirror.example: timed out"),
    ],
)
def test_missing_tools_need_a_package_source_that_answers(
    sources: str, dials: dict[str, str], words: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node2"].answer("for c in conntrack", "conntrack\nsocat\n")
    hosts["node2"].answer("exec 3<>", answers_dials(**dials))
    hosts["node2"].answer("apt-get update --print-uris", sources)
    told = [finding.message for finding in found("pkg.tools", cluster, "node2")]
    assert len(told) == bool(words)
    assert all(words in message and message.startswith("node2 lacks conntrack, socat") for message in told)
    assert not found("pkg.tools", cluster, "node3"), "with all tools there no source is asked about"


def test_package_sources_of_this_machine_are_listed_without_fetching_anything() -> None:
    ran = subprocess.run(["/bin/sh", "-c", packages.SOURCES], check=True, capture_output=True, text=True)
    assert ran.stderr == ""
    assert all(line.split()[0] in ("proxy", "source", "none") for line in ran.stdout.splitlines())
