"""Endpoints: a kind is offered if the rules allow it, regardless of what is implemented."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.config.finding import Finding, error
from clusters.config.load import load
from clusters.config.load_balancers import DEFAULT, load_balancers
from clusters.config.schema import Document, Host, RoleGroups
from clusters.wizard.topology import endpoint_kinds, layouts
from clusters.wizard.topology.endpoint_kinds import cards, kind_called, kind_of, why_not, with_kind
from tests.conftest import SEED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.wizard.visitor import Visitor


def seed(masters: int = 1) -> Document:
    document = load(SEED).document
    assert document is not None
    names = ("node1", "node2", "node3")[:masters]
    return document.model_copy(update={"role_groups": RoleGroups(etcd=("node1",), master=names, worker=("node3",))})


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Document], list[Finding]]], None]:
    """Puts other rules in place of those that there are."""

    def put(rule: Callable[[Document], list[Finding]]) -> None:
        for module in (endpoint_kinds, layouts):
            monkeypatch.setattr(module, "check", lambda document: tuple(rule(document)))

    return put


@pytest.mark.parametrize("value", [kind.value for kind in endpoint_kinds.KINDS])
def test_a_kind_that_was_chosen_is_read_back(value: str) -> None:
    typed = {"address": "10.99.0.100"} if kind_called(value).wants_address else {}
    assert kind_of(with_kind(seed(3), kind_called(value), **typed)).value == value


def test_kinds_keep_their_order_for_people() -> None:
    values = [kind.value for kind in endpoint_kinds.KINDS]
    balancers = sorted(load_balancers(), key=lambda each: each.place)
    assert values == ["none", *(each.name for each in balancers), "external", "dns"]
    assert balancers[0].name == DEFAULT


def test_an_address_goes_with_the_kind_that_needs_it() -> None:
    with_vip = with_kind(seed(3), kind_called("kube-vip"), address="10.99.0.100")
    assert with_kind(with_vip, kind_called("haproxy")).control_plane_endpoint.address == ""


def test_the_rules_decide_what_can_be_chosen(rules: Callable[..., None]) -> None:
    rules(lambda document: [])
    assert [card.kind for card in cards(seed(3), "none") if not card.why_not] == list(endpoint_kinds.KINDS)

    def no_vip(document: Document) -> list[Finding]:
        used = document.control_plane_endpoint.internal_loadbalancer == "kube-vip"
        path = "spec.controlPlaneEndpoint.internalLoadbalancer"
        return [error("endpoint.load_balancer_not_built", path, "kube-vip is for another day.")] if used else []

    rules(no_vip)
    refusals = {card.kind.value: card.why_not for card in cards(seed(3), "none") if not card.kind.by_dns}
    assert refusals.pop("kube-vip") == "kube-vip is for another day."
    assert set(refusals.values()) == {""}


def test_what_a_person_has_still_to_type_does_not_rule_a_kind_out(rules: Callable[..., None]) -> None:
    rules(lambda document: [error("endpoint.address_missing", "spec.controlPlaneEndpoint.address", "No address.")])
    assert why_not(seed(3), kind_called("kube-vip")) == ""


def test_an_error_in_an_address_without_a_field_belongs_to_the_kind(rules: Callable[..., None]) -> None:
    rules(
        lambda document: [error("endpoint.no_load_balancer", "spec.controlPlaneEndpoint.address", "It leads to one.")]
    )
    assert why_not(seed(3), kind_called("none")) == "It leads to one."
    assert why_not(seed(3), kind_called("external")) == ""


def test_one_control_plane_may_have_a_load_balancer_with_a_note(
    rules: Callable[..., None],
) -> None:
    rules(lambda document: [])
    for masters, said in ((0, False), (1, True), (3, False)):
        found = {card.kind.value: card for card in cards(seed(masters), "none")}
        assert ("nothing to balance yet" in found["haproxy"].note) == said
        assert found["haproxy"].why_not == found["external"].note == ""


def test_every_card_has_a_drawing_and_a_reason_if_unavailable(visitor: Visitor) -> None:
    text = visitor.get("endpoint").content.decode()
    found = text.split('<label class="choice')[1:]
    assert len(found) == len(endpoint_kinds.KINDS)
    drawings = [card.partition('<svg class="drawing"')[2].partition("</svg>")[0] for card in found]
    assert all("<path" in drawing for drawing in drawings)
    assert len(set(drawings)) == len({kind.drawing for kind in endpoint_kinds.KINDS})
    for card in found:
        if "disabled" in card.split("<span")[0]:
            assert 'class="why-not' in card.split("</label>")[0]


def test_a_kind_with_an_address_is_stored_together_with_it(visitor: Visitor) -> None:
    data = {"kind": "external", "domain": "lb.example", "port": "6443", "address": ""}
    answer = visitor.post("endpoint", data)
    assert answer.status_code == 422
    assert "needs an address" in answer.content.decode()
    visitor.post("endpoint", data | {"address": "10.99.0.100"})
    assert visitor.document().control_plane_endpoint.address == "10.99.0.100"


def test_a_layout_gives_roles_endpoint_and_rows(rules: Callable[..., None]) -> None:
    rules(lambda document: [])
    layout = layouts.layout_called("available")
    assert layout is not None
    document = layouts.with_layout(seed(1), layout)
    assert [host.name for host in document.hosts] == [f"node{number}" for number in range(1, 7)]
    assert document.hosts[0].password is not None
    groups = document.role_groups
    assert groups.etcd == groups.master == ("node1", "node2", "node3")
    assert groups.worker == ("node4", "node5", "node6")
    assert document.control_plane_endpoint.internal_loadbalancer == "haproxy"
    dedicated = layouts.layout_called("dedicated-etcd")
    assert dedicated is not None
    groups = layouts.with_layout(seed(1), dedicated).role_groups
    assert (groups.etcd, groups.master) == (("node1", "node2", "node3"), ("node4", "node5", "node6"))


def test_a_layout_takes_the_machines_there_are_once_they_are_enough() -> None:
    layout = layouts.layout_called("available")
    assert layout is not None
    five = tuple(Host(name=f"node{number}") for number in range(1, 6))
    document = layouts.with_layout(seed().model_copy(update={"hosts": five}), layout)
    assert document.hosts == five
    assert document.role_groups.master == document.role_groups.etcd == ("node1", "node2", "node3")
    assert document.role_groups.worker == ("node4", "node5")


def test_a_layout_reports_how_many_more_machines_it_needs() -> None:
    said = {card.layout.slug: card.why_not for card in layouts.layout_cards(seed(1), add_machines=False)}
    assert said["all-in-one"] == "For one machine; there are 3."
    assert said["small"] == "" and said["available"] == "1 more machine is needed."
    assert said["dedicated-etcd"] == "4 more machines are needed."


def test_a_layout_can_be_applied_from_the_page(visitor: Visitor) -> None:
    address = f"/clusters/{visitor.cluster.pk}/wizard/layout/"
    data = {"layout": "small", "page": "roles", "draft_version": visitor.cluster.version}
    visitor.client.post(address, data)
    assert visitor.document().role_groups.master == ("node1",)
    assert visitor.document().role_groups.worker == ("node2", "node3")
    assert visitor.client.post(address, {**data, "layout": "castle"}).status_code == 404
