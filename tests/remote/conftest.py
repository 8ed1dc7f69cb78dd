"""Fixtures for tests that reach a machine."""

from __future__ import annotations

import secrets
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from clusters.config.secret import Secret
from clusters.remote.ssh import SshHost
from tests.remote.bastion import Bastion, bastion_before
from tests.sshd import Sshd, sshd, user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from clusters.remote.target import Target

__all__ = ["sshd"]


@pytest.fixture(scope="module")
def root(sshd: Sshd) -> Iterator[SshHost]:
    """A machine reached as a user who becomes root by password: the hardest way, so the usual one here."""
    host = SshHost(sshd.target(), sshd.known())
    yield host
    host.close()


@pytest.fixture
def person(sshd: Sshd) -> Callable[..., AbstractContextManager[Target]]:
    """Makes further users on the machine: `with person(shell=..., sudo=...) as target`."""

    @contextmanager
    def make(shell: str = "/bin/sh", sudo: str = "") -> Iterator[Target]:
        name, password = f"slipway-{secrets.token_hex(4)}", secrets.token_hex(8)
        with user(name, password=password, shell=shell, sudo=sudo):
            yield sshd.target(user=name, password=Secret(password))

    return make


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port that drops connections: its queue is full."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        queue = []
        for _ in range(4):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
            queue.append(waiting)
        yield int(server.getsockname()[1])
        for waiting in queue:
            waiting.close()


@pytest.fixture(scope="module")
def a_bastion(sshd: Sshd) -> Iterator[Bastion]:
    with bastion_before(sshd, "MaxSessions 1\n") as bastion:
        yield bastion


@pytest.fixture
def bastion(a_bastion: Bastion) -> Bastion:
    """With separate connections for each test."""
    return Bastion(a_bastion.server, a_bastion.behind)
