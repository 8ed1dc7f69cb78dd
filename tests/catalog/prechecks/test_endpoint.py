"""An endpoint of somebody else's leads somewhere; an address that is to be shared is nobody's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from clusters.engine.check import CHECKS
from clusters.remote.errors import ConnectionLost
from tests.catalog.pretend import answers_dials, pretend, seed

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.config.finding import Finding
    from clusters.config.schema import Document
    from clusters.engine.cluster import Cluster

CLAIM = "/etc/slipway/cluster.json"
BALANCER = {"controlPlaneEndpoint": {"address": "10.99.0.99", "port": 7443}}
DNS = {"controlPlaneEndpoint": {"domain": "api.example.com", "externalDNS": True}}
THREE = {"etcd": ["node1"], "master": ["node1", "node2", "node3"], "worker": []}


def shared(**endpoint: Any) -> Document:
    """Three control planes that share 10.99.0.99."""
    settings = {"internalLoadbalancer": "kube-vip", "address": "10.99.0.99", **endpoint}
    return seed(roleGroups=THREE, controlPlaneEndpoint=settings)


def found(check: str, name: str, cluster: Cluster) -> list[Finding]:
    declared = CHECKS.checks[check]
    assert declared.when is not None and declared.when(cluster.document) and not declared.when(seed())
    return list(declared.body(cluster.machine(name), cluster))


def test_a_name_that_a_machine_cannot_resolve_is_an_error(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(**DNS))
    hosts["node1"].answer("getent ahosts api.example.com", "10.9.9.9\n10.9.9.8\n")
    assert not found("endpoint.dns_resolves", "node1", cluster)
    (finding,) = found("endpoint.dns_resolves", "node2", cluster)
    assert finding.message == "node2 cannot resolve api.example.com, the name of the control plane endpoint."


def test_a_name_that_the_document_itself_puts_into_etc_hosts_needs_no_dns(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "# ours\n10.99.0.98 other\n10.99.0.99 lb api.example.com # soon\n"
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(**DNS, dns={"nodeEtcHosts": lines}))
    hosts["node2"].answer("exec 3<>", answers_dials(**{"10.99.0.99/6443": ""}))
    assert not found("endpoint.dns_resolves", "node2", cluster)
    (finding,) = found("endpoint.reachable", "node2", cluster)
    assert "10.99.0.99:6443: timed out after 3 s" in finding.message


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ("connected", ""),
        ("connect: Connection refused", ""),
        ("", "timed out after 3 s."),
        (
            "connect: No route to host",
            "No route to host.",
        ),
    ],
)
def test_a_balancer_may_refuse_but_not_keep_silent(
    reply: str, words: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(**BALANCER))
    hosts["node2"].answer("exec 3<>", answers_dials(**{"10.99.0.99/7443": reply}))
    message = f"node2 cannot reach the control plane endpoint 10.99.0.99:7443: {words}"
    assert [finding.message for finding in found("endpoint.reachable", "node2", cluster)] == (
        [message] if words else []
    )
    assert CHECKS.checks["endpoint.reachable"].waivable


def test_a_name_without_an_address_is_told_once(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, seed(**DNS))
    unknown = "bash: api.example.com: Name or service not known"
    hosts["node2"].answer("exec 3<>", answers_dials(**{"api.example.com": unknown}))
    assert not found("endpoint.reachable", "node2", cluster)


def test_an_address_that_answers_arp_is_taken(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, shared())
    for host in hosts.values():
        host.answer("exec 3<>", answers_dials(**{"10.99.0.99": ""}))
    hosts["node2"].answer("ip -o neigh", "10.99.0.99 dev eth0 lladdr 52:54:00:12:34:56 REACHABLE\n")
    assert not found("vip.free", "node1", cluster)
    (finding,) = found("vip.free", "node2", cluster)
    assert "10.99.0.99 in use by the machine with hardware address 52:54:00:12:34:56" in finding.message


def test_an_address_behind_a_router_is_taken_when_a_port_answers(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, shared())
    hosts["node1"].answer("exec 3<>", answers_dials(**{"/22": "connected", "/6443": ""}))
    (finding,) = found("vip.free", "node1", cluster)
    assert finding.message.endswith("in use: it answers (port 22 connected).")


def test_an_address_that_a_machine_has_itself_is_taken(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, _, _ = pretend(monkeypatch, archive, shared(address="10.99.0.13"))
    (finding,) = found("vip.free", "node3", cluster)
    assert "node3 already has the virtual address 10.99.0.13" in finding.message


def test_the_address_of_a_cluster_that_runs_is_its_own(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, shared())
    hosts["node1"].answer("ip -o neigh", "10.99.0.99 dev eth0 lladdr 52:54:00:12:34:56 REACHABLE\n")
    hosts["node3"].put(b"{}", CLAIM)
    hosts["node2"].lost = True
    assert not found("vip.free", "node1", cluster)


def test_a_machine_that_is_gone_does_not_hide_who_has_the_address(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, shared())
    hosts["node2"].lost = True
    hosts["node1"].answer("exec 3<>", answers_dials(**{"10.99.0.99": "connected"}))
    assert len(found("vip.free", "node1", cluster)) == 1
    with pytest.raises(ConnectionLost):
        found("vip.free", "node2", cluster)


def test_an_address_behind_a_router_is_no_neighbour(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, hosts, _ = pretend(monkeypatch, archive, shared())
    route = "10.99.0.99 {} src 10.99.0.12 uid 0 \\    cache \n"
    hosts["node1"].answer("route get 10.99.0.99", route.format("dev eth0"))
    hosts["node2"].answer("route get 10.99.0.99", route.format("via 10.99.0.1 dev eth0"))
    assert not found("vip.same_subnet", "node1", cluster)
    (finding,) = found("vip.same_subnet", "node2", cluster)
    assert finding.severity.value == "warning"
    assert finding.message.startswith("10.99.0.99 is not in a subnet of node2 (10.99.0.99 via 10.99.0.1 dev eth0 src")
    bgp = shared(kubevip={"mode": "BGP", "peers": [{"address": "10.99.0.1", "as": 65001}]})
    when = CHECKS.checks["vip.same_subnet"].when
    assert when is not None and not when(bgp), "routers learn of it by BGP"
