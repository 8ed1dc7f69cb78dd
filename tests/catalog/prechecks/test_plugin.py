"""A machine that lacks what its network plugin requires is reported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.networks.needs import needs_of
from clusters.config.plugins import plugins as of_the_document
from clusters.engine.check import CHECKS
from clusters.remote.facts import MODULES
from tests.catalog.pretend import pretend, seed

if TYPE_CHECKING:
    from pathlib import Path


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
    ("net.rp_filter", {"plugin": "hybridnet"}, {}, {"rp_filter": "2\n"}, "on node2; hybridnet needs 1 or 0"),
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


def test_a_plugin_that_runs_already_holds_its_own_ports(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(
        monkeypatch, archive, seed(network={"plugin": "calico"}), node2={"listening": (179, 9099)}
    )
    hosts["node2"].put(b"{}", "/etc/slipway/cluster.json")
    assert list(CHECKS.checks["net.plugin_ports"].body(cluster.machine("node2"), cluster)) == []


def test_a_node_behind_a_router_is_an_error_for_bridge(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive)
    hosts["node2"].answer("ip -o route get", "10.99.0.11 10.99.0.11 via 10.0.0.1 dev eth0")
    (found,) = CHECKS.checks["net.same_subnet"].body(cluster.machine("node2"), cluster)
    assert "10.99.0.11" in found.message


@pytest.mark.parametrize(
    "network", [network for check, network, *_ in PLUGINS if check == "net.plugin_modules"], ids=str
)
def test_machines_are_asked_for_every_module_that_a_plugin_needs(network: dict[str, Any]) -> None:
    (record,) = [each for each in of_the_document() if each.name == network["plugin"]]
    needed = needs_of(seed(network=network), "node1").modules
    assert needed and set(needed) <= set(record.modules)
    assert set(record.modules) <= set(MODULES)
