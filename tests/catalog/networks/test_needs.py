"""The requirements of network plugins: free ports, modules, neighbours, files; and the prechecks for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clusters.catalog import networks
from clusters.catalog.networks.calico.files import COMPONENT, manifest_of
from clusters.catalog.networks.calico.needs import BGP
from clusters.catalog.networks.cilium.needs import HEALTH
from clusters.catalog.networks.kubeovn.needs import has_database
from clusters.catalog.networks.needs import TYPHA, needs_of, ports_between, sends_directly
from clusters.catalog.plugins import Between, Needs, plugin_of, plugins
from clusters.config.plugins import names
from clusters.engine.check import CHECKS
from tests.catalog.networks.rendered import BOTH
from tests.catalog.pretend import pretend, seed

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
    ("net.cilium_kernel", {"plugin": "cilium"}, {"kernel": "4.18.0-25-generic"}, {}, "Cilium requires 4.19 or newer"),
    (
        "net.same_subnet",
        {"plugin": "flannel", "flannel": {"backendMode": "host-gw"}},
        {},
        {"route get": "10.99.0.11 10.99.0.11 via 10.0.0.1 dev eth0"},
        "reaches 10.99.0.11 only through a router",
    ),
]


@pytest.mark.parametrize(("check", "network", "facts", "answers", "words"), PLUGINS)
def test_a_missing_requirement_of_a_plugin_is_an_error(
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


def test_fulfilled_requirements_of_plugins_give_no_finding(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_cilium_accepts_the_kernel_of_rhel_8_by_its_build(
    version: str, kernel: str, good: bool, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = seed(kubernetes={"version": version}, network={"plugin": "cilium"})
    cluster, _, _ = pretend(monkeypatch, archive, document, node2={"kernel": kernel})
    found = list(CHECKS.checks["net.cilium_kernel"].body(cluster.machine("node2"), cluster))
    assert bool(found) is not good


def test_ports_of_ovns_database_are_required_where_its_label_is() -> None:
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


def test_flannels_wireguard_has_a_port_for_each_ip_family() -> None:
    network = {"plugin": "flannel", "flannel": {"backendMode": "wireguard"}, **BOTH}
    assert needs_of(seed(network=network), "node1").udp == (51820, 51821)


def test_cilium_without_tunnels_needs_neighbours_and_no_tunnel_port() -> None:
    native = seed(network={"plugin": "cilium", "cilium": {"routingMode": "native", "autoDirectNodeRoutes": True}})
    assert needs_of(native, "node1").udp == () and sends_directly(native)
    assert not sends_directly(seed(network={"plugin": "cilium"}))


def test_ports_of_a_plugin_that_already_runs_are_allowed(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(
        monkeypatch, archive, seed(network={"plugin": "calico"}), node2={"listening": (179, 9099)}
    )
    hosts["node2"].put(b"{}", "/etc/slipway/cluster.json")
    assert list(CHECKS.checks["net.plugin_ports"].body(cluster.machine("node2"), cluster)) == []


def test_catalog_and_documents_have_the_same_plugins() -> None:
    there = {path.stem for path in Path(networks.__path__[0]).iterdir()} - {"__init__", "__pycache__", "needs"}
    assert there == set(names())
    assert [each.name for each in plugins().values()] == list(names())


def test_an_unknown_plugin_needs_nothing() -> None:
    document = seed(network={"plugin": "weave"})
    assert plugin_of(document).images(document) == ()
    assert (needs_of(document, "node1"), ports_between(document)) == (Needs(), Between())
    assert not sends_directly(document)


def test_calico_needs_one_of_its_two_manifests() -> None:
    plain, typha = (
        seed(network={"plugin": "calico", "calico": {"typha": {"enabled": enabled}}}) for enabled in (False, True)
    )
    assert (manifest_of(plain), manifest_of(typha)) == COMPONENT.files
    assert [file for file in COMPONENT.files if plugin_of(typha).takes(typha, file)] == ["calico-typha.yaml"]


def test_of_a_plugins_ports_some_are_for_other_machines() -> None:
    calico = seed(network={"plugin": "calico", "calico": {"typha": {"enabled": True}}})
    assert ports_between(calico) == Between(nodes=(BGP, TYPHA[0]))
    assert ports_between(seed(network={"plugin": "cilium"})) == Between(nodes=(HEALTH,))
    ovn = seed(kubernetes={"version": "v1.28.2"}, network={"plugin": "kubeovn", "kubeovn": {"tunnelType": "stt"}})
    assert ports_between(ovn) == Between(nodes=(7471,), central=(6641, 6642), among_central=(6643, 6644))
    assert has_database(ovn, "node1") and not has_database(ovn, "node3")
