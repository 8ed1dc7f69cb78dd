"""Rows of machines: passwords and roles stay with their machine when its name or position changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.config.schema import RoleGroups
from clusters.services import document_of, draft_update
from clusters.wizard.machines.role_groups import follow

if TYPE_CHECKING:
    from tests.wizard.visitor import Visitor


def passwords(visitor: Visitor) -> dict[str, str]:
    return {host.name: host.password.reveal() if host.password else "" for host in visitor.document().hosts}


def test_a_renamed_machine_keeps_its_password_and_its_roles(visitor: Visitor) -> None:
    visitor.post("machines", visitor.machines(h0_name="master-1", h2_name="worker-9"))
    assert passwords(visitor) == {"master-1": "Qcloud@123", "node2": "Testing123", "worker-9": "Testing123"}
    groups = visitor.document().role_groups
    assert (groups.etcd, groups.master, groups.worker) == (("master-1",), ("master-1",), ("node2", "worker-9"))


def test_after_a_removal_the_others_keep_their_passwords(visitor: Visitor) -> None:
    visitor.post("machines", visitor.machines(h1_password="only-node2"))
    visitor.post("machines", visitor.machines(action="remove:host-0"))
    assert passwords(visitor) == {"node2": "only-node2", "node3": "Testing123"}
    assert visitor.document().role_groups.master == ()


def test_an_open_page_continues_with_the_rows_it_received(visitor: Visitor) -> None:
    new = visitor.row(7, None, name="node4", address="10.99.0.4", password="only-node4")
    text = visitor.post("machines", new, htmx=True).content.decode()
    assert 'id="id_host-7-row" name="host-7-row" value="3:node4"' in text
    visitor.post("machines", visitor.row(7, 3, name="node4", address="10.99.0.44"), htmx=True)
    assert [host.address for host in visitor.document().hosts][3:] == ["10.99.0.44"]
    assert passwords(visitor)["node4"] == "only-node4"


def test_a_row_that_was_not_sent_stays_as_it_is(visitor: Visitor) -> None:
    visitor.post("machines", visitor.row(1, 1, name="node2", address="10.99.0.22"), htmx=True)
    assert [host.address for host in visitor.document().hosts] == ["10.99.0.1", "10.99.0.22", "10.99.0.3"]


def test_a_row_finds_its_moved_machine_and_does_not_recreate_a_removed_one(
    visitor: Visitor,
) -> None:
    stale = visitor.row(2, 2, name="node3", address="10.99.0.33")
    gone = visitor.row(0, 0, name="node1", address="10.99.0.11")
    visitor.post("machines", {"action": "remove:host-0", **visitor.row(0, 0, name="node1")})
    answer = visitor.post("machines", stale | gone, htmx=True)
    assert {host.name: host.address for host in visitor.document().hosts}["node3"] == "10.99.0.33"
    assert len(visitor.document().hosts) == 2
    assert "no longer in the document" in answer.content.decode()


def test_two_machines_can_swap_their_names(visitor: Visitor) -> None:
    visitor.post("machines", visitor.machines(h1_password="only-node2"))
    visitor.post("machines", visitor.machines(h1_name="node3", h2_name="node2"))
    assert passwords(visitor) == {"node1": "Qcloud@123", "node3": "only-node2", "node2": "Testing123"}


def test_ticked_machines_are_removed_together(visitor: Visitor) -> None:
    visitor.post("machines", visitor.machines(action="remove") | {"pick": ["host-1", "host-2"]})
    assert [host.name for host in visitor.document().hosts] == ["node1"]
    assert visitor.document().role_groups.worker == ()


def test_a_new_row_adds_a_machine_unless_it_is_empty(visitor: Visitor) -> None:
    more = visitor.row(3, None, name="node4", address="10.99.0.4", password="pw4") | visitor.row(4, None, name="")
    visitor.post("machines", visitor.machines() | more)
    assert [host.name for host in visitor.document().hosts] == ["node1", "node2", "node3", "node4"]
    assert passwords(visitor)["node4"] == "pw4"


def test_a_temporarily_empty_or_duplicate_name_loses_no_role(visitor: Visitor) -> None:
    for name in ("", "node2"):
        answer = visitor.post("machines", visitor.machines(h0_name=name), htmx=True)
        assert "still named node1" in answer.content.decode().split('data-of="host-0"')[1]
    assert visitor.document().role_groups.master == ("node1",)
    assert len(visitor.document().hosts) == 3


def test_an_invalid_port_keeps_the_old_one(visitor: Visitor) -> None:
    answer = visitor.post("machines", visitor.machines(h0_port="ssh", h0_address="10.99.0.77"))
    assert answer.status_code == 422
    host = visitor.document().hosts[0]
    assert (host.port, host.address) == (22, "10.99.0.77")


def test_an_invalid_row_id_gets_no_password_of_another_row(visitor: Visitor) -> None:
    for row in ("99:", "-1:node3", "x", "٣:node3", "0:thief"):
        visitor.post("machines", visitor.machines(h2_row=row, h2_name="thief"))
        assert passwords(visitor).get("thief", "") == ""


def test_keys_the_wizard_does_not_know_stay(visitor: Visitor) -> None:
    document = document_of(visitor.cluster)
    hosts = (document.hosts[0].model_copy(update={"labels": {"disk": "ssd"}, "arch": "arm64"}), *document.hosts[1:])
    fresh = document.model_copy(update={"hosts": hosts})
    draft_update(actor=visitor.cluster.owner, cluster=visitor.cluster, document=fresh, version=1)
    visitor.post("machines", visitor.machines(h0_name="renamed"))
    assert visitor.document().hosts[0].labels == {"disk": "ssd"}
    assert visitor.document().hosts[0].arch == "arm64"


def test_a_range_is_written_out_only_when_one_of_its_machines_moves() -> None:
    groups = RoleGroups(etcd=("node[1:3]",), worker=("other",))
    assert follow(groups, {"other": "else"}).etcd == ("node[1:3]",)
    assert follow(groups, {"node2": "two", "node3": ""}).etcd == ("node1", "two")
