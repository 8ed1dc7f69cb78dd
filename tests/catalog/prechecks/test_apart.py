"""What is there already and would be in the way: networks, runtimes, SELinux, other clocks, other architectures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.catalog.paths import CLAIM
from clusters.engine.check import CHECKS
from tests.catalog.pretend import pretend, seed

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.config.finding import Finding
    from clusters.engine.cluster import Cluster

ROUTES = """\
default via 10.99.0.1 dev eth0 proto dhcp
10.99.0.0/24 dev eth0 proto kernel scope link src 10.99.0.11
172.17.0.0/16 dev docker0 proto kernel scope link src 172.17.0.1 linkdown
fe80::/64 dev eth0 proto kernel metric 256 pref medium
"""


def found(check: str, cluster: Cluster, name: str = "node1") -> list[Finding]:
    return list(CHECKS.checks[check].body(cluster.machine(name), cluster))


@pytest.mark.parametrize(
    ("route", "severity", "words"),
    [
        ("", "", ""),
        (
            "10.233.70.0/24 via 10.99.0.9 dev tun0",
            "error",
            "10.233.70.0/24 (tun0), which is in the network of the pods",
        ),
        ("10.233.64.0/18 dev eth1 proto kernel", "error", "network of the pods, 10.233.64.0/18"),
        ("10.233.1.7 via 10.99.0.9 dev tun0", "error", "10.233.1.7/32 (tun0), which is in the network of the services"),
        ("fd85:ee78:d8a6:8607::1:2 dev tun0", "error", "network of the pods, fd85:ee78:d8a6:8607::1:0/112"),
        ("10.128.0.0/9 via 10.99.0.9 dev eth1", "warning", "is a part of it"),
        ("10.233.64.0/24 dev cni0 proto kernel", "", ""),
        ("blackhole 10.233.64.0/26 proto bird", "", ""),
    ],
)
def test_a_route_into_the_clusters_networks_is_told(
    route: str, severity: str, words: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = {
        "plugin": "bridge",
        "kubePodsCIDR": "10.233.64.0/18,fd85:ee78:d8a6:8607::1:0/112",
        "kubeServiceCIDR": "10.233.0.0/18,fd85:ee78:d8a6:8607::1000/116",
    }
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(network=network))
    hosts["node1"].answer("kubelet.conf", 1)
    hosts["node1"].answer("route show", f"{ROUTES}{route}\n")
    findings = found("cidr.disjoint", cluster)
    assert {each.severity.value for each in findings} == ({severity} if severity else set())
    assert all(words in each.message for each in findings[:1])


def test_the_routes_of_a_node_are_its_clusters_own(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node1"].answer("route show", "10.233.65.0/24 via 10.99.0.12 dev eth0\n")
    assert not found("cidr.disjoint", cluster)


@pytest.mark.parametrize(("state", "told"), [("enforcing", 1), ("permissive", 0), ("disabled", 0), ("", 0)])
def test_selinux_that_enforces_is_told(state: str, told: int, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, node2={"selinux": state})
    assert len(found("os.selinux", cluster, "node2")) == told


def test_machines_of_two_architectures_are_told_once(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, node3={"arch": "arm64"})
    (finding,) = found("arch.uniform", cluster)
    assert finding.message == "The machines are of several architectures: 2 × amd64, 1 × arm64."
    assert CHECKS.checks["arch.uniform"].on == "first-control-plane"
    cluster, _, _ = pretend(monkeypatch, archive)
    assert not found("arch.uniform", cluster)


@pytest.mark.parametrize(
    ("skews", "words"),
    [
        ((41.2, 41.0, 40.9), "41.0 s ahead of this server's (limit 30 s)"),
        ((-3600, -3600, 0), "3600.0 s behind"),
        ((41, 0, 0), ""),
    ],
)
def test_clocks_that_agree_with_each_other_and_not_with_this_servers_are_told(
    skews: tuple[float, ...], words: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {f"node{place}": {"clock_skew": float(skew)} for place, skew in enumerate(skews, start=1)}
    cluster, _, _ = pretend(monkeypatch, archive, **facts)
    findings = found("time.vs_installer", cluster)
    assert [words in each.message for each in findings] == ([True] if words else [])


def test_a_runtime_that_somebody_else_set_up_is_told(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node1"].answer("is-active --quiet", "containerd\n")
    (finding,) = found("cri.already_present", cluster)
    assert finding.severity.value == "warning"
    assert finding.message.startswith("containerd runs on node1 already and was not set up by Slipway")
    hosts["node1"].put(b"{}", CLAIM)
    assert not found("cri.already_present", cluster)


def test_cri_o_is_somebody_elses_by_design(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(kubernetes={"containerManager": "crio"}))
    hosts["node1"].answer("is-active --quiet", "containerd\n")
    assert not found("cri.already_present", cluster)
