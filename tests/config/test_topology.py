"""Role groups, the endpoint's address, and the names in the API server's certificate."""

from __future__ import annotations

import pytest

from clusters.config import topology
from clusters.config.schema import ControlPlaneEndpoint, RoleGroups
from tests.config.documents import seed_document


def _names(group: str, **groups: tuple[str, ...]) -> list[str]:
    document = seed_document(role_groups=RoleGroups.model_validate(groups))
    return [host.name for host in topology.members(document, group)]


def test_both_ends_of_a_range_belong_to_it() -> None:
    assert topology.expand("node[1:3]").names == ("node1", "node2", "node3")
    assert topology.expand("node[9:11]").names == ("node9", "node10", "node11")
    assert topology.expand("node").names == ("node",)


@pytest.mark.parametrize(
    "item", ["node[a:b]", "node[1:]", "node[1", "node]1[", "node[1:2]x", "node[3:1]", "n[0:999999999]", "[[1:2]]"]
)
def test_a_malformed_range_has_no_names_and_a_reason(item: str) -> None:
    expansion = topology.expand(item)
    assert expansion.names == ()
    assert expansion.problem


def test_control_plane_is_read_as_master_and_counted_once() -> None:
    groups = {"master": ("node2",), "control-plane": ("node1", "node2")}
    assert _names("master", **groups) == ["node2", "node1"]
    assert _names("control-plane", **groups) == ["node2", "node1"]


def test_a_group_keeps_its_own_order_and_leaves_out_names_without_a_machine() -> None:
    assert _names("worker", worker=("node3", "nobody", "node[1:2]", "node3")) == ["node3", "node1", "node2"]


def test_all_and_kubernetes_are_the_machines_with_roles() -> None:
    groups = {"master": ("node2",), "worker": ("node1",), "etcd": ("node3",)}
    assert _names("kubernetes", **groups) == ["node2", "node1"]
    assert _names("all", **groups) == ["node2", "node1", "node3"]


def test_without_workers_the_control_planes_run_the_pods() -> None:
    groups = {"master": ("node2", "node1"), "etcd": ("node3",)}
    assert _names("worker", **groups) == ["node2", "node1"]
    document = seed_document(role_groups=RoleGroups.model_validate(groups))
    assert topology.roles(document, "node2") == ("master", "worker")
    assert topology.all_roles(document)["node3"] == ("etcd",)
    assert topology.names(document, "worker") == ()


def test_a_worker_group_without_an_existing_machine_is_not_empty() -> None:
    assert _names("worker", master=("node1",), worker=("nobody",)) == []


def test_a_custom_group_also_has_members() -> None:
    assert _names("registry", registry=("node3",)) == ["node3"]
    assert _names("nothing") == []


def test_roles_are_available_for_one_machine_and_for_all() -> None:
    document = seed_document()
    assert topology.roles(document, "node1") == ("etcd", "master")
    assert topology.all_roles(document) == {"node1": ("etcd", "master"), "node2": ("worker",), "node3": ("worker",)}


def test_the_endpoint_leads_to_the_first_control_plane_by_default() -> None:
    assert topology.endpoint_address(seed_document()) == "172.16.0.2"
    for given, found in (("127.0.0.1", "172.16.0.2"), ("10.9.9.9", "10.9.9.9")):
        document = seed_document(control_plane_endpoint=ControlPlaneEndpoint(address=given))
        assert topology.endpoint_address(document) == found
    assert topology.endpoint_address(seed_document(role_groups=RoleGroups())) == ""


def test_the_certificate_names_everything_clients_call_the_api_server() -> None:
    sans = topology.api_server_sans(seed_document())
    assert sans == (
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "localhost",
        "127.0.0.1",
        "lb.kubesphere.local",
        "172.16.0.2",
        "node1",
        "node1.cluster.local",
        "10.233.0.1",
    )


def test_dns_has_the_tenth_service_address() -> None:
    assert topology.dns_service_address("10.233.0.0/18") == "10.233.0.10"
    assert topology.first_service_address("nonsense") == ""
    assert topology.dns_service_address("10.0.0.0/30") == ""


@pytest.mark.parametrize(
    ("count", "lost"), [(3, "loss of 1 member"), (4, "loss of 1 member"), (5, "loss of 2 members")]
)
def test_the_majority_of_etcd_has_to_stay(count: int, lost: str) -> None:
    assert lost in topology.tolerates(count)
    assert ("3 members tolerate just as many failures" in topology.tolerates(count)) == (count == 4)


@pytest.mark.parametrize("count", [1, 2])
def test_one_and_two_members_tolerate_nothing(count: int) -> None:
    assert "stops the cluster" in topology.tolerates(count)
