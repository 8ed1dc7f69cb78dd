"""Targets: the data of a document's host that a login needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.config.schema import Host, JumpHost
from clusters.config.secret import Secret
from clusters.remote.errors import CredentialRefused, KeyUnreadable
from clusters.remote.target import target_of

if TYPE_CHECKING:
    from clusters.remote.target import Target


def test_a_target_has_all_values_of_its_host() -> None:
    host = Host(name="n1", address="192.0.2.1", internal_address="10.0.0.1", port=2222, user="ubuntu", password="pw")

    target = target_of(host)

    assert (target.address, target.port, target.user) == ("192.0.2.1", 2222, "ubuntu")
    assert target.password == Secret("pw")
    assert target.private_key_path == ""
    assert "pw" not in repr(target)


def test_without_an_address_the_internal_one_is_used() -> None:
    assert target_of(Host(name="n1", internal_address="10.0.0.1")).address == "10.0.0.1"


def test_an_empty_password_does_not_count() -> None:
    assert target_of(Host(name="n1", password="")).password is None


def test_without_login_data_there_is_no_key() -> None:
    assert target_of(Host(name="n1")).key() is None


def test_an_unresolved_credential_is_refused() -> None:
    with pytest.raises(CredentialRefused, match="The credential prod cannot be used"):
        target_of(Host(name="n1", credential="prod", private_key="-----BEGIN X PRIVATE KEY-----")).key()


def test_a_key_in_the_document_wins_over_a_path() -> None:
    from tests.remote.auth.test_keys import ED25519, OPENSSH, pem

    host = Host(name="n1", private_key=pem(ED25519, OPENSSH), private_key_path="/nowhere")

    key = target_of(host).key()

    assert key is not None
    assert key.get_name() == "ssh-ed25519"


def test_a_path_is_never_read_here() -> None:
    with pytest.raises(KeyUnreadable, match="/nowhere") as caught:
        target_of(Host(name="n1", private_key_path="/nowhere")).key()
    assert caught.value.hint == "This path is on the computer where kk ran; upload the key."


def behind(jump: JumpHost, **fields: object) -> Target:
    target = target_of(Host(name="n1", address="10.0.0.1", user="ubuntu", jump_host=jump, **fields))
    assert target.via is not None
    return target.via


def test_a_jump_host_without_a_login_gets_the_machines_key_and_never_its_password() -> None:
    hop = behind(JumpHost(hops="bastion"), password="pw", private_key="-----BEGIN X PRIVATE KEY-----")

    assert (hop.address, hop.port, hop.user) == ("bastion", 22, "ubuntu")
    assert hop.password is None
    assert hop.private_key == Secret("-----BEGIN X PRIVATE KEY-----")
    assert hop.name == "the jump host bastion:22"


def test_a_jump_host_with_a_login_gets_that_one_only() -> None:
    hop = behind(JumpHost(hops="admin@bastion:2222", password=Secret("own")), private_key_path="/key", agent_key="any")

    assert (hop.user, hop.port, hop.password) == ("admin", 2222, Secret("own"))
    assert (hop.private_key, hop.private_key_path, hop.agent_key) == (None, "", "")


def test_the_first_of_two_jump_hosts_is_reached_first() -> None:
    hop = behind(JumpHost(hops="edge,inner"))

    assert hop.address == "inner"
    assert hop.via is not None
    assert (hop.via.address, hop.via.via) == ("edge", None)


def test_machines_with_the_same_key_share_their_route() -> None:
    one, two = (
        target_of(Host(name=name, address=name, jump_host=JumpHost(hops="bastion"), private_key_path="/key", timeout=t))
        for name, t in (("a", 10), ("b", 60))
    )

    assert one.via == two.via
    assert one != two
