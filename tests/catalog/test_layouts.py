"""Any layout of roles has its plan: one to seven control planes, with every place of etcd and every load balancer."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from clusters.catalog import kubeadm
from clusters.catalog.load_balancers import haproxy, keepalived
from clusters.catalog.steps.etcd import start
from clusters.config import rules
from clusters.config.schema import Document
from clusters.config.topology import api_port, api_server_sans
from clusters.engine.plan import make_plan
from tests.catalog.pretend import pretend
from tests.plans import waits_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clusters.engine.plan import Plan

SHARED = "10.98.0.200"
ENDPOINTS: dict[str, dict[str, Any]] = {
    "none": {},
    "haproxy": {"internalLoadbalancer": "haproxy", "port": 7443},
    "keepalived": {"internalLoadbalancer": "keepalived", "address": SHARED},
    "kube-vip": {"internalLoadbalancer": "kube-vip", "address": SHARED},
    "kube-vip-bgp": {
        "internalLoadbalancer": "kube-vip",
        "address": SHARED,
        "kubevip": {"mode": "BGP", "localAS": 65010, "peers": [{"address": "10.98.0.1", "as": 65001}]},
    },
    "external": {"address": SHARED, "port": 8443},
    "dns": {"externalDNS": True, "domain": "api.example.com"},
}
ETCD = ("on-control-planes", "apart", "kubeadm", "external")
WORKERS = ("apart", "shared")
PEM = "-----BEGIN {0}-----\nAA\n-----END {0}-----"
ETCD_ELSEWHERE = ["https://10.98.1.1:2379", "https://10.98.1.2:2379", "https://10.98.1.3:2379"]


def names(kind: str, count: int) -> list[str]:
    return [f"{kind}{number}" for number in range(1, count + 1)]


def layout(masters: int, etcd: str, endpoint: str, workers: str) -> Document:
    """Machines with the one role of their name, or with `workers` shared control planes that have all roles."""
    control = names("control", masters)
    # Another rule refuses an even number of members, so the last control plane has none.
    members = {
        "on-control-planes": control[: masters - (masters + 1) % 2],
        "apart": names("etcd", min(7, masters + 2 - (masters + 1) % 2)),
    }.get(etcd, [])
    nodes = control if workers == "shared" else names("worker", 2)
    pem = {
        "caFile": PEM.format("CERTIFICATE"),
        "certFile": PEM.format("CERTIFICATE"),
        "keyFile": PEM.format("PRIVATE KEY"),
    }
    kinds = {
        "kubeadm": {"type": "kubeadm"},
        "external": {"type": "external", "external": {"endpoints": ETCD_ELSEWHERE, **pem}},
    }
    every = dict.fromkeys([*control, *members, *nodes])
    return Document.model_validate(
        {
            "hosts": [
                {"name": name, "address": f"10.98.0.{number}", "user": "ubuntu", "password": "x"}
                for number, name in enumerate(every, 11)
            ],
            "roleGroups": {"etcd": members, "master": control, "worker": nodes},
            "controlPlaneEndpoint": ENDPOINTS[endpoint],
            "kubernetes": {"version": "v1.20.2", "proxyMode": "iptables", "containerManager": "containerd"},
            "network": {"plugin": "bridge"},
            "etcd": kinds.get(etcd, {}),
        }
    )


def every_layout() -> Iterator[tuple[int, str, str, str]]:
    """Several control planes without a load balancer are refused, so that layout has only one."""
    for masters, etcd, endpoint, workers in itertools.product(range(1, 8), ETCD, ENDPOINTS, WORKERS):
        if masters == 1 or endpoint != "none":
            yield masters, etcd, endpoint, workers


def hosts_of(plan: Plan, path: str) -> list[str]:
    return [host for row in plan.steps if row.path == path for host in row.hosts]


@pytest.mark.sampled(12)
@pytest.mark.parametrize(("masters", "etcd", "endpoint", "workers"), list(every_layout()))
def test_every_machine_gets_its_part_once(masters: int, etcd: str, endpoint: str, workers: str) -> None:
    document = layout(masters, etcd, endpoint, workers)
    assert [finding for finding in rules.check(document) if finding.blocking] == []
    plan = make_plan(document)
    control, nodes = names("control", masters), [] if workers == "shared" else names("worker", 2)
    assert hosts_of(plan, "kubernetes/init") == control[:1]
    assert hosts_of(plan, "kubernetes/join-control-plane") == control[1:]
    assert hosts_of(plan, "kubernetes/join") == nodes
    assert sorted(hosts_of(plan, "etcd/start")) == sorted(document.role_groups.etcd)
    assert hosts_of(plan, "etcd/external") == (control if etcd == "external" else [])
    assert hosts_of(plan, "endpoint/haproxy") == (nodes if endpoint == "haproxy" else [])
    assert hosts_of(plan, "endpoint/keepalived") == (control if endpoint == "keepalived" else [])
    vips = hosts_of(plan, "endpoint/kube-vip") + hosts_of(plan, "endpoint/kube-vip-others")
    assert vips == (control if endpoint.startswith("kube-vip") else [])
    checks = {row.path for row in plan.steps if row.phase == "precheck"}
    assert ("precheck/endpoint.reachable" in checks) is (endpoint in ("external", "dns"))


@pytest.mark.parametrize("etcd", ETCD)
@pytest.mark.parametrize("masters", range(2, 8))
def test_control_planes_wait_for_each_other_only_where_each_brings_a_member(masters: int, etcd: str) -> None:
    plan = make_plan(layout(masters, etcd, "haproxy", "apart"))
    joins = [("kubernetes/join-control-plane", name) for name in names("control", masters)[1:]]
    waits = [(later, earlier) for earlier, later in itertools.pairwise(joins) if earlier in waits_for(plan, later)]
    assert len(waits) == (masters - 2 if etcd == "kubeadm" else 0)


@pytest.mark.sampled(8)
@pytest.mark.parametrize(
    ("etcd", "endpoint"),
    [*(("on-control-planes", each) for each in ENDPOINTS if each != "none"), *((each, "haproxy") for each in ETCD[1:])],
)
@pytest.mark.parametrize("masters", range(1, 8))
def test_configurations_name_every_control_plane_and_member(
    masters: int, etcd: str, endpoint: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = layout(masters, etcd, endpoint, "apart")
    cluster, _, _ = pretend(monkeypatch, archive, document)
    addresses = {each.name: each.address for each in cluster.members("master")}
    init, whole, *_ = yaml.safe_load_all(kubeadm.init_configuration(cluster.machine("control1"), cluster))
    assert init["localAPIEndpoint"]["bindPort"] == api_port(document)
    assert set(addresses) | set(addresses.values()) <= set(whole["apiServer"]["certSANs"])
    assert whole["apiServer"]["certSANs"] == list(api_server_sans(document))
    if etcd == "kubeadm":
        assert "local" in whole["etcd"]
    else:
        members = {each.name: f"https://{each.address}:2379" for each in cluster.members("etcd")}
        beside = ["https://127.0.0.1:2379"] if set(addresses) <= set(members) else [*members.values()]
        assert whole["etcd"]["external"]["endpoints"] == (beside or ETCD_ELSEWHERE)
    for each in cluster.members("etcd"):
        initial = start.beginning(each, cluster)["INITIAL_CLUSTER"].split(",")
        assert sorted(initial) == sorted(
            f"{member.name}=https://{member.address}:2380" for member in cluster.members("etcd")
        )
    if endpoint == "haproxy":
        servers = [line.split()[1:3] for line in haproxy.config(cluster).splitlines() if line.startswith("    server ")]
        assert servers == [[name, f"{address}:7443"] for name, address in addresses.items()]
    if endpoint == "keepalived":
        for name, own in addresses.items():
            peers = keepalived.config(cluster.machine(name), cluster).partition("unicast_peer {")[2].partition("}")[0]
            assert peers.split() == [address for address in addresses.values() if address != own]


@pytest.mark.parametrize("masters", range(2, 8))
def test_several_control_planes_without_a_load_balancer_are_refused(masters: int) -> None:
    found = [each.id for each in rules.check(layout(masters, "kubeadm", "none", "apart")) if each.blocking]
    assert found == ["endpoint.no_load_balancer"]
