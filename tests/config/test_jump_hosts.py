"""Jump hosts are read like OpenSSH's ProxyJump, and every machine has its route."""

from __future__ import annotations

import pytest

from clusters.config.dialects.fit import fitted, what_does_not_fit
from clusters.config.dialects.render import render
from clusters.config.jump_hosts import Hop, hops_of, reached, route_text, route_to
from clusters.config.load import load
from clusters.config.schema import Document, Host, JumpHost
from clusters.config.secret import MASK, Secret
from clusters.errors import ConfigError
from tests.config.documents import seed_document


@pytest.mark.parametrize(
    ("text", "hops"),
    [
        ("", ()),
        ("none", ()),
        (" None ", ()),
        ("bastion", (Hop("bastion"),)),
        ("admin@bastion.example.com:2222", (Hop("bastion.example.com", 2222, "admin"),)),
        ("ssh://admin@10.1.2.3:2222", (Hop("10.1.2.3", 2222, "admin"),)),
        ("a, root@b:23", (Hop("a"), Hop("b", 23, "root"))),
        ("x@[2001:db8::1]:2222", (Hop("2001:db8::1", 2222, "x"),)),
        ("2001:db8::1", (Hop("2001:db8::1"),)),
        ("we.ird-user@10.1.2.3", (Hop("10.1.2.3", 22, "we.ird-user"),)),
    ],
)
def test_a_way_is_read(text: str, hops: tuple[Hop, ...]) -> None:
    assert hops_of(text) == hops


@pytest.mark.parametrize("text", [str(Hop("10.1.2.3", 22, "a")), str(Hop("2001:db8::1", 2222)), str(Hop("b"))])
def test_a_hops_text_is_read_as_the_same_hop(text: str) -> None:
    assert str(hops_of(text)[0]) == text


@pytest.mark.parametrize(
    "text",
    ["a b", "a,,b", "a,", "bastion:0", "bastion:70000", "@bastion", "user@", "a@b@c", "10.0.0.300", "[bastion]:22",
     "[2001:db8::1", "bastion/path", "-oProxyCommand=x@bastion", "-J", "a;b", "$(a)", "ssh://"],
)  # fmt: skip
def test_an_invalid_jump_host_is_refused_with_a_message(text: str) -> None:
    with pytest.raises(ConfigError):
        hops_of(text)


def _way(document: Document, place: int) -> str:
    return route_text(reached(document, document.hosts[place]))


def test_the_documents_jump_host_applies_to_machines_without_their_own() -> None:
    document = _with(JumpHost(hops="admin@bastion"), JumpHost(), JumpHost(hops="none"), JumpHost(hops="a,b:23"))
    assert [_way(document, place) for place in range(3)] == ["admin@bastion:22", "", "a:22 → b:23"]
    assert reached(document, document.hosts[1]).jump_host == JumpHost()


def test_a_machines_own_jump_host_has_its_own_login_only() -> None:
    shared = JumpHost(hops="bastion", password=Secret("for-the-bastion"))
    document = _with(shared, JumpHost(hops="other"), JumpHost(), JumpHost())
    assert reached(document, document.hosts[0]).jump_host.password is None
    assert reached(document, document.hosts[1]).jump_host.password == Secret("for-the-bastion")


def test_a_machine_that_is_a_jump_host_itself_is_not_reached_through_itself() -> None:
    document = _with(JumpHost(hops="edge,172.16.0.2"), JumpHost(), JumpHost(), JumpHost())
    assert [str(hop) for hop in route_to(reached(document, document.hosts[0]))] == ["edge:22"]
    assert len(route_to(reached(document, document.hosts[1]))) == 2


def _with(shared: JumpHost, *own: JumpHost) -> Document:
    hosts = tuple(
        host.model_copy(update={"jump_host": jump}) for host, jump in zip(seed_document().hosts, own, strict=True)
    )
    return seed_document(hosts=hosts, jump_host=shared)


def test_a_file_keeps_jump_hosts_and_agent_keys_and_hides_their_secrets() -> None:
    key = Secret("-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----\n")
    own = JumpHost(hops="other", private_key=key, agent_key="SHA256:abc")
    document = _with(JumpHost(hops="bastion", password=Secret("Testing123")), own, JumpHost(hops="none"), JumpHost())
    hosts = (*document.hosts[:2], Host(name="node3", address="172.16.0.4", agent_key="me@laptop"))
    document = document.model_copy(update={"hosts": hosts})
    assert load(render(document, secrets="show")).document == document
    masked = render(document)
    assert "BEGIN" not in masked.replace("from BEGIN", "") and masked.count(MASK) == 2 + 2
    assert "OPENSSH" not in render(document, secrets="omit")


def test_an_export_reports_what_kubekey_does_not_know() -> None:
    document = _with(JumpHost(hops="bastion"), JumpHost(), JumpHost(hops="none"), JumpHost())
    said = {each.path: each.id for each in what_does_not_fit(document, "v1alpha2")}
    assert {path: id for path, id in said.items() if "jumpHost" in path} == {
        "spec.jumpHost": "dialect.ignored",
        "spec.hosts.1.jumpHost": "dialect.ignored",
    }
    for dialect in ("v1alpha1", "v4"):
        lost = [each for each in what_does_not_fit(document, dialect) if "jumpHost" in each.path]
        assert {each.id for each in lost} == {"dialect.lost"}
        assert {each.hosts for each in lost} == {(), ("node2",)}
        assert fitted(document, dialect).jump_host == JumpHost()
        assert load(render(document, dialect=dialect, secrets="show")).document == fitted(document, dialect)
