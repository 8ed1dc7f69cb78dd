"""Which machines must reach each other, on which ports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from clusters.catalog.reach import NEIGHBOURS, etcd_places, flows_from
from clusters.config.schema import Document

if TYPE_CHECKING:
    from collections.abc import Iterable


def of(count: int, *, masters: Iterable[int] = (1,), etcd: Iterable[int] = (1,), **sections: Any) -> Document:
    """n1 and so on at 10.0.0.1 and so on; all machines except the control planes are workers."""
    numbers = range(1, count + 1)
    hosts = [{"name": f"n{number}", "address": f"10.0.{number // 200}.{number % 200}"} for number in numbers]
    named = [f"n{number}" for number in masters]
    groups = {
        "etcd": [f"n{number}" for number in etcd],
        "master": named,
        "worker": [host["name"] for host in hosts if host["name"] not in named],
    }
    return Document.model_validate(
        {"hosts": hosts, "roleGroups": groups, "network": {"plugin": "bridge"}, "kubernetes": {"version": "v1.28.2"}}
        | sections
    )


def ports(document: Document, name: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for flow in flows_from(document, name):
        found.setdefault(flow.target, []).append(flow.port)
    return found


def test_workers_reach_api_servers_and_control_planes_reach_all_machines() -> None:
    document = of(4, masters=(1, 2), etcd=(1, 4))
    assert ports(document, "n3") == {"n1": [6443], "n2": [6443]}
    assert ports(document, "n1") == {"n2": [6443, 10250], "n3": [10250], "n4": [10250, 2379, 2380]}
    assert ports(document, "n2") == {"n1": [6443, 10250, 2379], "n3": [10250], "n4": [10250, 2379]}
    assert ports(document, "n4") == {"n1": [6443, 2379, 2380], "n2": [6443]}


def test_ports_follow_the_document() -> None:
    assert ports(of(2, etcd=(1, 2), controlPlaneEndpoint={"port": 7443}), "n2") == {"n1": [7443, 2379, 2380]}
    behind = of(2, controlPlaneEndpoint={"address": "10.9.9.9", "port": 7443})
    assert ports(behind, "n2") == {"n1": [6443]}


def test_etcd_runs_where_the_document_puts_it() -> None:
    document = of(3, masters=(1, 2), etcd=(3,))
    assert etcd_places(document) == (("n3", "10.0.0.3", 2380),)
    static = document.model_copy(update={"etcd": document.etcd.model_copy(update={"type": "kubeadm"})})
    assert [place[0] for place in etcd_places(static)] == ["n1", "n2"]
    assert ports(static, "n1")["n2"] == [6443, 10250, 2379, 2380] and 2379 not in ports(static, "n1")["n3"]
    elsewhere = document.model_copy(update={"etcd": document.etcd.model_copy(update={"type": "external"})})
    assert not etcd_places(elsewhere) and ports(elsewhere, "n1") == {"n2": [6443, 10250], "n3": [10250]}
    moved = document.model_copy(update={"etcd": document.etcd.model_copy(update={"port": 3379, "peer_port": 3380})})
    assert ports(moved, "n1")["n3"] == [10250, 3379]


PLUGINS: list[tuple[dict[str, Any], list[int], list[int]]] = [
    ({"plugin": "calico"}, [6443, 179], [179]),
    ({"plugin": "calico", "calico": {"ipipMode": "Never", "vxlanMode": "Always"}}, [6443], []),
    ({"plugin": "calico", "calico": {"typha": {"enabled": True}}}, [6443, 179, 5473], [179, 5473]),
    ({"plugin": "flannel"}, [6443], []),
    ({"plugin": "cilium"}, [6443, 4240], [4240]),
    ({"plugin": "kubeovn"}, [6443, 6641, 6642], []),
    ({"plugin": "kubeovn", "kubeovn": {"tunnelType": "stt"}}, [6443, 7471, 6641, 6642], [7471]),
]


@pytest.mark.parametrize(("network", "to_control_plane", "to_worker"), PLUGINS)
def test_plugins_use_their_own_ports(
    network: dict[str, Any], to_control_plane: list[int], to_worker: list[int]
) -> None:
    found = ports(of(3, network=network), "n2")
    assert found["n1"] == to_control_plane and found.get("n3", []) == to_worker


def test_kube_ovns_databases_connect_control_planes_only() -> None:
    document = of(3, masters=(1, 2), network={"plugin": "kubeovn"})
    assert {6643, 6644} <= set(ports(document, "n1")["n2"])
    assert not {6643, 6644} & set(ports(document, "n3")["n1"])


def test_a_large_cluster_is_tried_in_a_ring_that_covers_all_machines() -> None:
    document = of(300, masters=(1, 2, 3), etcd=(1, 2, 3), network={"plugin": "cilium"})
    called: dict[str, int] = {}
    for host in document.hosts:
        flows = flows_from(document, host.name)
        assert len({flow.target for flow in flows}) <= (299 if host.name in ("n1", "n2", "n3") else NEIGHBOURS + 3)
        for flow in flows:
            called[flow.target] = called.get(flow.target, 0) + (flow.port == 4240)
    assert set(called.values()) == {NEIGHBOURS}
