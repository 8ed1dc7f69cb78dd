"""SSH neither offers nor accepts broken algorithms (3DES, CBC, hmac-md5, RSA below 2,048 bits) and gives the reason."""

from __future__ import annotations

import contextlib
import io
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import paramiko
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from clusters.config.secret import Secret
from clusters.remote.auth.agent import Identity, _select
from clusters.remote.auth.host_keys import pinned_key
from clusters.remote.auth.keys import parse_key
from clusters.remote.connection.bounded import BoundedTransport
from clusters.remote.connection.link import open_link
from clusters.remote.connection.tunnel import JumpTransport
from clusters.remote.errors import HandshakeFailed, KeyTooShort
from clusters.remote.target import Target
from tests.known_keys import InMemoryKeys
from tests.security.hostile import HostileMachine, listening

if TYPE_CHECKING:
    from collections.abc import Iterator

BROKEN = ("3des", "-cbc", "md5", "sha1-96", "group1-", "group-exchange", "-sha1")


def rsa_pem(bits: int) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


@pytest.fixture(scope="module")
def short() -> str:
    return rsa_pem(1024)


@contextmanager
def server(key: paramiko.PKey, **has: tuple[str, ...]) -> Iterator[tuple[Target, InMemoryKeys]]:
    """An SSH server with this host key that has only these algorithms; its key is pinned."""
    transports = []

    def talk(connection: socket.socket) -> None:
        transport = paramiko.Transport(connection)
        for kind, names in has.items():
            setattr(transport, f"_preferred_{kind}", names)
        transport.add_server_key(key)
        transports.append(transport)
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            transport.start_server(server=HostileMachine())

    with listening(talk) as port:
        known = InMemoryKeys()
        known.pin("127.0.0.1", port, pinned_key(key))
        try:
            yield Target("node1", "127.0.0.1", port, password=Secret("x"), timeout=20.0), known
        finally:
            for transport in transports:
                transport.close()


@pytest.mark.parametrize("kind", [BoundedTransport, JumpTransport])
def test_nothing_broken_is_offered(kind: type[BoundedTransport]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, contextlib.closing(kind(ours)) as transport:
        offered = (
            *transport.preferred_ciphers,
            *transport.preferred_macs,
            *transport.preferred_kex,
            *transport.preferred_keys,
            *transport.preferred_pubkeys,
        )
    assert "aes256-gcm@openssh.com" in offered
    assert [name for name in offered if any(part in name for part in BROKEN) and name != "hmac-sha1"] == []


@pytest.mark.parametrize(
    ("has", "names"),
    [
        ({"ciphers": ("3des-cbc", "aes128-cbc")}, "as cipher it has only 3des-cbc, aes128-cbc"),
        ({"macs": ("hmac-md5",), "ciphers": ("aes256-ctr",)}, "as MAC it has only hmac-md5"),
        (
            {"kex": ("diffie-hellman-group-exchange-sha256",)},
            "as key exchange it has only diffie-hellman-group-exchange",
        ),
    ],
)
def test_a_machine_that_has_nothing_else_is_refused_with_a_sentence_that_names_it(
    has: dict[str, tuple[str, ...]], names: str
) -> None:
    with server(paramiko.ECDSAKey.generate(), **has) as (target, known), pytest.raises(HandshakeFailed) as caught:
        open_link(target, known).close()
    assert names in caught.value.message
    assert "Update the SSH server" in caught.value.hint
    assert not caught.value.retryable


def test_a_host_key_that_can_be_computed_is_refused_though_it_is_pinned(short: str) -> None:
    key = paramiko.RSAKey.from_private_key(io.StringIO(short))
    with server(key) as (target, known), pytest.raises(HandshakeFailed, match=r"RSA key of 1,024 bits; at least 2,048"):
        open_link(target, known).close()


def test_a_host_key_of_2048_bits_is_accepted() -> None:
    key = paramiko.RSAKey.from_private_key(io.StringIO(rsa_pem(2048)))
    with server(key) as (target, known):
        open_link(target, known).close()


def test_a_short_private_key_is_refused_before_anything_is_asked_of_a_machine(short: str) -> None:
    with pytest.raises(KeyTooShort, match="The private key of node1 is an RSA key of 1,024 bits"):
        parse_key(Secret(short), "The private key of node1")
    assert parse_key(Secret(rsa_pem(2048))).get_bits() == 2048


def test_a_short_key_of_an_agent_is_never_used(short: str) -> None:
    weak = paramiko.RSAKey.from_private_key(io.StringIO(short)).asbytes()
    strong = paramiko.ECDSAKey.generate().asbytes()
    agent = paramiko.Agent.__new__(paramiko.Agent)
    keys = tuple(Identity(agent=agent, blob=blob, comment=name) for blob, name in ((weak, "old"), (strong, "new")))
    assert [key.comment for key in _select(Target("node1", "127.0.0.1", agent_key="any"), keys)] == ["new"]
    with pytest.raises(KeyTooShort, match="1,024 bits"):
        _select(Target("node1", "127.0.0.1", agent_key="old"), keys)
