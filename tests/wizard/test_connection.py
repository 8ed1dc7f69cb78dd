"""Failures with a real sshd are shown on the page, each cause with its specific message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from clusters import services
from clusters.config.schema import Document, Host
from clusters.config.secret import Secret
from clusters.models import HostKey, Probe
from clusters.remote.auth.host_keys import PinnedKey
from clusters.runs.access.pinned_host_keys import pin
from clusters.runs.jobs.probes import probe_row
from tests.sshd import Sshd, free_port, generate_key, sshd, user

if TYPE_CHECKING:
    from pathlib import Path

    from django.contrib.auth.models import User
    from django.test import Client

    from clusters.models import Cluster

__all__ = ["sshd"]

pytestmark = [pytest.mark.sshd, pytest.mark.django_db(transaction=True)]


@dataclass
class Connection:
    """Alice's connection page of a draft with one machine."""

    client: Client
    alice: User
    sshd: Sshd
    cluster: Cluster | None = None

    def page(self, *, known: PinnedKey | None = None, **fields: Any) -> str:
        """The page after a test of that machine; its key counts as accepted unless another is given."""
        values = {"name": "node1", "address": "127.0.0.1", "port": self.sshd.port, "user": self.sshd.user, **fields}
        host = Host(**values)
        self.cluster = services.draft_create(actor=self.alice, name="real", document=Document(hosts=(host,)))
        if known is not None or "port" not in fields:
            pin(self.cluster.pk, "127.0.0.1", host.port, known or self.sshd.key, by=self.alice)
        services.probes_start(actor=self.alice, cluster=self.cluster)
        row = Probe.objects.get(cluster=self.cluster)
        Probe.objects.filter(pk=row.pk).update(state="running", worker="token")
        probe_row(row.pk, "token")
        return self.page_text()

    def page_text(self) -> str:
        """The page as it is now."""
        assert self.cluster is not None
        return self.client.get(f"/clusters/{self.cluster.pk}/wizard/connection/").content.decode()


@pytest.fixture
def connection(client: Client, alice: User, sshd: Sshd) -> Connection:
    client.force_login(alice)
    return Connection(client, alice, sshd)


def test_a_good_machine_is_described(connection: Connection) -> None:
    text = connection.page(password=Secret(connection.sshd.password))
    assert 'data-state="ok"' in text and "GiB" in text
    assert "1 of 1 ready" in text


def test_a_wrong_password_is_reported(connection: Connection) -> None:
    text = connection.page(password=Secret("not-the-password"))
    assert "Login refused" in text and "wrong password" in text
    assert "Check user and password" in text
    assert "not-the-password" not in text


def test_a_rejected_key_is_reported(connection: Connection, tmp_path: Path) -> None:
    generate_key(tmp_path / "other", "ed25519")
    text = connection.page(private_key=Secret((tmp_path / "other").read_text()))
    assert "the key is not accepted" in text and "authorized_keys" in text


def test_a_key_with_a_passphrase_is_reported(connection: Connection, tmp_path: Path) -> None:
    generate_key(tmp_path / "locked", "ed25519", passphrase="open sesame")
    text = connection.page(private_key=Secret((tmp_path / "locked").read_text()))
    assert "Key has a passphrase" in text and "protected by a passphrase" in text


def test_a_missing_key_file_is_reported(connection: Connection, tmp_path: Path) -> None:
    text = connection.page(private_key_path=str(tmp_path / "nowhere"))
    assert "Key file unreadable" in text and "cannot be used" in text and "upload the key" in text


def test_an_invalid_key_is_reported(connection: Connection) -> None:
    text = connection.page(private_key=Secret("ssh-ed25519 AAAA somebody"))
    assert "Not a private key" in text and "is a public key" in text


def test_a_refused_connection_is_reported(connection: Connection) -> None:
    text = connection.page(port=free_port(), password=Secret("x"))
    assert ">Refused<" in text and "nothing listens on port" in text


def test_an_unknown_host_name_is_reported(connection: Connection) -> None:
    text = connection.page(address="no-such-machine.invalid", password=Secret("x"))
    assert "Name not found" in text and "no name server knows it" in text


def test_sudo_without_a_password_is_reported(connection: Connection) -> None:
    text = connection.page(private_key=connection.sshd.client_key)
    assert "sudo needs a password" in text and "Enter the password as well as the key" in text


def test_a_wrong_sudo_password_is_reported(connection: Connection) -> None:
    text = connection.page(private_key=connection.sshd.client_key, password=Secret("not-for-sudo"))
    assert "Wrong sudo password" in text and "It was tried only once" in text


def test_a_user_without_sudo_is_reported(connection: Connection) -> None:
    with user("slipway-nosudo", password="pw-nosudo-1"):
        text = connection.page(user="slipway-nosudo", password=Secret("pw-nosudo-1"))
    assert "sudo not allowed" in text and "sudoers" in text


def test_a_shell_that_prints_text_is_reported(connection: Connection, sshd: Sshd) -> None:
    from pathlib import Path

    with user("slipway-noisy", password="pw-noisy-1", shell="/bin/bash", sudo="ALL=(ALL) NOPASSWD: ALL"):
        Path("/home/slipway-noisy/.bashrc").write_text("echo Welcome aboard\n")
        text = connection.page(user="slipway-noisy", password=Secret("pw-noisy-1"))
    assert 'data-state="ok"' in text
    assert "The login shell prints text" in text


def test_a_new_key_shows_its_fingerprint_once(connection: Connection) -> None:
    text = connection.page(password=Secret(connection.sshd.password), known=None, port=connection.sshd.port)
    assert 'data-state="ask"' in text
    assert text.count(f">{connection.sshd.key.fingerprint}<") == 1
    assert "Its key is new" in text


def test_a_changed_key_shows_both_and_stops(connection: Connection) -> None:
    other = connection.sshd.keys["ssh-rsa"]
    text = connection.page(
        password=Secret(connection.sshd.password), known=PinnedKey("ssh-ed25519", other.key, other.fingerprint)
    )
    assert "Key changed" in text and "Accept the changed key" in text
    for fingerprint in (other.fingerprint, connection.sshd.key.fingerprint):
        assert text.count(f">{fingerprint}<") == 1
    assert HostKey.objects.get().fingerprint == other.fingerprint
