"""Logging in: the right machine, the right user, and a separate error for every cause of failure."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from clusters.config.secret import Secret
from clusters.remote import errors
from clusters.remote.auth.host_keys import HostKeyChanged, HostKeyUnknown
from clusters.remote.connection.link import open_link
from clusters.remote.ssh import SshHost
from tests.known_keys import InMemoryKeys
from tests.remote.cable import Cable
from tests.sshd import free_port, generate_key, running_sshd

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Protocol

    from clusters.remote.target import Target
    from tests.sshd import Sshd

    class Person(Protocol):
        def __call__(self, shell: str = "/bin/sh", sudo: str = "") -> AbstractContextManager[Target]: ...


pytestmark = pytest.mark.sshd


def test_an_unknown_host_key_is_shown_and_nothing_is_sent(sshd: Sshd) -> None:
    with Cable(sshd.port) as cable, pytest.raises(HostKeyUnknown) as caught:
        open_link(sshd.target(port=cable.port), InMemoryKeys())

    assert caught.value.offered == sshd.key
    assert caught.value.offered.fingerprint in str(caught.value)
    assert not caught.value.retryable


def test_a_changed_host_key_stops_everything(sshd: Sshd) -> None:
    known = InMemoryKeys()
    other = sshd.keys["ssh-rsa"]
    wrong = type(other)("ssh-ed25519", other.key, other.fingerprint)
    known.pin("127.0.0.1", sshd.port, wrong)
    log = (sshd.directory / "log").stat().st_size

    with pytest.raises(HostKeyChanged) as caught:
        SshHost(sshd.target(), known).connect()

    assert caught.value.pinned == wrong
    assert caught.value.offered == sshd.key
    time.sleep(0.1)
    assert "password" not in (sshd.directory / "log").read_text()[log:]


@pytest.mark.parametrize("key_type", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"])
def test_a_server_with_many_keys_is_asked_for_the_pinned_type(sshd: Sshd, key_type: str) -> None:
    known = InMemoryKeys()
    known.pin("127.0.0.1", sshd.port, sshd.keys[key_type])

    open_link(sshd.target(), known).close()


def test_a_server_without_the_pinned_type_has_changed_its_key(sshd: Sshd, tmp_path: Path) -> None:
    generate_key(tmp_path / "ignored", "ed25519")
    with running_sshd(tmp_path, sshd.user, sshd.password) as other:
        other.stop()
        (tmp_path / "host_ed25519_key").unlink()
        other.start()
        known = InMemoryKeys()
        known.pin("127.0.0.1", other.port, other.key)

        with pytest.raises(HostKeyChanged) as caught:
            open_link(other.target(), known)

    assert caught.value.offered.key_type != "ssh-ed25519"


def test_a_wrong_password_names_what_the_machine_accepts(sshd: Sshd) -> None:
    with pytest.raises(errors.LoginRefused, match="wrong password") as caught:
        open_link(sshd.target(password=Secret("wrong")), sshd.known())

    assert caught.value.tried == ("password",)
    assert set(caught.value.allowed) == {"publickey", "password"}
    assert "wrong" not in repr(caught.value.__context__ or "")
    assert not caught.value.retryable


def test_a_key_that_is_not_authorized_has_its_own_error(sshd: Sshd, tmp_path: Path) -> None:
    generate_key(tmp_path / "id", "ed25519")
    target = sshd.target(password=None, private_key=Secret((tmp_path / "id").read_text()))

    with pytest.raises(errors.LoginRefused, match="key is not accepted") as caught:
        open_link(target, sshd.known())

    assert "authorized_keys" in caught.value.hint


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
def test_keys_of_every_type_log_in(sshd: Sshd, tmp_path: Path, kind: str) -> None:
    generate_key(tmp_path / "id", kind)
    allowed = sshd.directory / "authorized_keys"
    before = allowed.read_text()
    allowed.write_text(before + (tmp_path / "id.pub").read_text())
    try:
        open_link(sshd.target(password=None, private_key=Secret((tmp_path / "id").read_text())), sshd.known()).close()
    finally:
        allowed.write_text(before)


def test_a_wrong_key_with_the_right_password_logs_in(sshd: Sshd, tmp_path: Path) -> None:
    generate_key(tmp_path / "id", "ed25519")

    open_link(sshd.target(private_key=Secret((tmp_path / "id").read_text())), sshd.known()).close()


def test_an_encrypted_key_is_reported_before_the_login(sshd: Sshd, tmp_path: Path) -> None:
    generate_key(tmp_path / "id", "ed25519", passphrase="open sesame")

    with pytest.raises(errors.KeyEncrypted):
        open_link(sshd.target(password=None, private_key=Secret((tmp_path / "id").read_text())), sshd.known())


def test_keys_lying_around_on_the_server_are_never_tried(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".ssh").mkdir()
    generate_key(tmp_path / ".ssh" / "id_ed25519", "ed25519")
    (tmp_path / ".ssh" / "config").write_text(f"Host *\n  User root\n  IdentityFile {sshd.directory}/client\n")
    monkeypatch.setenv("HOME", str(tmp_path))

    generate_key(tmp_path / "given", "ed25519")
    with pytest.raises(errors.LoginRefused) as caught:
        open_link(sshd.target(password=None, private_key=Secret((tmp_path / "given").read_text())), sshd.known())

    assert caught.value.tried == ("publickey",)


def test_disabled_password_login_is_reported(sshd: Sshd, tmp_path: Path) -> None:
    with (
        running_sshd(tmp_path, sshd.user, sshd.password, "Match All\n  PasswordAuthentication no") as other,
        pytest.raises(errors.LoginRefused, match="it accepts publickey, but Slipway was given a password") as caught,
    ):
        open_link(other.target(), other.known())

    assert caught.value.tried == ()
    assert "PasswordAuthentication" in caught.value.hint


def test_a_port_on_which_nothing_listens_is_refused(sshd: Sshd) -> None:
    with pytest.raises(errors.ConnectionRefused, match="nothing listens") as caught:
        open_link(sshd.target(port=free_port()), sshd.known())

    assert caught.value.retryable


def test_a_name_that_does_not_exist_is_reported(sshd: Sshd) -> None:
    with pytest.raises(errors.NameNotResolved, match=r"no-such-host\.invalid"):
        open_link(sshd.target(address="no-such-host.invalid"), sshd.known())


def test_a_missing_address_is_reported(sshd: Sshd) -> None:
    with pytest.raises(errors.NameNotResolved, match="has no address"):
        open_link(sshd.target(address=""), sshd.known())


def test_a_machine_that_drops_packets_times_out(sshd: Sshd, full_port: int) -> None:
    began = time.monotonic()

    with pytest.raises(errors.ConnectTimedOut, match=r"within 0\.5 s") as caught:
        open_link(sshd.target(port=full_port, timeout=0.5), sshd.known())

    assert time.monotonic() - began < 60
    assert caught.value.retryable


def test_a_silent_server_times_out(sshd: Sshd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = sshd.target(port=silent.getsockname()[1], timeout=0.5)
        with pytest.raises((errors.ConnectTimedOut, errors.HandshakeFailed)):
            open_link(target, sshd.known())


def test_a_service_other_than_ssh_is_reported(sshd: Sshd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as web:

        def answer() -> None:
            with suppress(OSError):
                client, _ = web.accept()
                with client:
                    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(errors.HandshakeFailed, match="did not complete an SSH handshake"):
            open_link(sshd.target(port=web.getsockname()[1], timeout=20), sshd.known())


def test_a_failed_login_leaves_no_thread_behind(sshd: Sshd, tmp_path: Path) -> None:
    generate_key(tmp_path / "id", "ed25519")
    before = {thread.name for thread in threading.enumerate()}

    with pytest.raises(errors.LoginRefused):
        open_link(sshd.target(password=None, private_key=Secret((tmp_path / "id").read_text())), sshd.known())

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and {thread.name for thread in threading.enumerate()} - before:
        time.sleep(0.05)
    assert not {thread.name for thread in threading.enumerate()} - before


def test_the_output_of_a_shell_that_runs_nothing_is_reported(sshd: Sshd, person: Person) -> None:
    with person(shell="/usr/sbin/nologin") as target, pytest.raises(errors.ShellUnusable, match="not available"):
        SshHost(target, sshd.known()).connect()
