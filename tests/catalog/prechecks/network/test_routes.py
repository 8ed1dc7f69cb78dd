"""Missing and conflicting routes, and packets of different sizes, are reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.catalog.golden import dual_stack
from tests.catalog.prechecks.findings import Case, expect_measured, found
from tests.catalog.pretend import pretend, seed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "case",
    [
        ("net.mtu", "node2", {"mtus": (("eth0", 9000),)}, "warning", "up to 9000 bytes (MTU), the others of 1500"),
        ("net.mtu", "node2", {"mtus": ()}, "", ""),
        ("net.default_route", "node2", {"default_interface": ""}, "", ""),
    ],
)
def test_a_bad_machine_is_reported_with_what_was_measured(
    case: Case, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_measured(case, archive, monkeypatch)


ROUTES = """\
default via 10.99.0.1 dev eth0 proto dhcp
10.99.0.0/24 dev eth0 proto kernel scope link src 10.99.0.11
172.17.0.0/16 dev docker0 proto kernel scope link src 172.17.0.1 linkdown
fe80::/64 dev eth0 proto kernel metric 256 pref medium
"""


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
