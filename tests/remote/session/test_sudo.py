"""Becoming root: by password, without one, or an error with the reason."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusters.config.secret import Secret
from clusters.remote import errors
from clusters.remote.session.envelope import Become
from clusters.remote.session.sudo import refusal
from clusters.remote.shell import sh
from clusters.remote.ssh import SshHost
from clusters.remote.target import Target
from tests.proc import gone, own_seconds
from tests.sshd import alone

if TYPE_CHECKING:
    from tests.remote.connection.test_link import Person
    from tests.sshd import Sshd

pytestmark = pytest.mark.sshd


def test_root_needs_no_sudo(sshd: Sshd) -> None:
    host = SshHost(sshd.root(), sshd.known())

    assert host.become_root() is Become.NOBODY_ELSE
    assert host.run(sh("id -un; cat"), stdin=b"x").stdout == "root\nx"
    host.close()


def test_a_password_is_used_where_sudo_asks_for_one(root: SshHost) -> None:
    assert root.become_root() is Become.BY_PASSWORD


def test_no_password_is_sent_where_sudo_asks_for_none(sshd: Sshd, person: Person) -> None:
    with person(sudo="ALL=(ALL) NOPASSWD: ALL") as target:
        host = SshHost(target, sshd.known())
        assert host.become_root() is Become.FREELY
        assert host.run(sh("id -un; cat")).stdout == "root\n"
        assert host.run(sh("cat"), stdin=b"only this").stdout == "only this"
        host.close()


def test_a_wrong_password_is_tried_once(sshd: Sshd, person: Person, tmp_path: Path) -> None:
    with person(sudo="ALL=(ALL) ALL") as target:
        key_only = sshd.target(user=target.user, password=Secret("wrong"), private_key=sshd.client_key)
        log = tmp_path / "sudo.log"
        Path(f"/etc/sudoers.d/{target.user}").write_text(f"Defaults logfile={log}\n{target.user} ALL=(ALL) ALL\n")
        host = SshHost(key_only, sshd.known())
        with pytest.raises(errors.SudoPasswordWrong, match="does not accept the password") as caught:
            host.run(sh("id"))
        assert host.run(sh("id -un"), sudo=False).ok
        host.close()
        said = log.read_text()

    assert "1 incorrect password attempt" in said
    assert "incorrect password attempts" not in said
    assert "wrong" not in str(caught.value) + caught.value.hint
    assert not caught.value.retryable


def test_a_missing_sudo_password_is_reported(sshd: Sshd, person: Person) -> None:
    with person(sudo="ALL=(ALL) ALL") as target:
        host = SshHost(sshd.target(user=target.user, password=None, private_key=sshd.client_key), sshd.known())
        with pytest.raises(errors.SudoPasswordNeeded, match="none was entered"):
            host.become_root()
        host.close()


def test_a_user_without_sudo_rights_is_reported(sshd: Sshd, person: Person) -> None:
    with person() as target:
        host = SshHost(target, sshd.known())
        with pytest.raises(errors.SudoNotAllowed, match="not in the sudoers") as caught:
            host.run(sh("id"))
        host.close()

    assert "sudo or wheel group" in caught.value.hint


def test_a_sudo_right_to_another_command_is_not_enough(sshd: Sshd, person: Person) -> None:
    with person(sudo="ALL=(ALL) /bin/ls") as target:
        host = SshHost(target, sshd.known())
        with pytest.raises(errors.SudoNotAllowed, match="only certain other commands"):
            host.run(sh("id"))
        host.close()


def test_sudo_with_a_pty_passes_exit_codes_and_input(sshd: Sshd, person: Person) -> None:
    """Newer distributions set use_pty, under which sudo's child leads a process group."""
    with person(sudo="ALL=(ALL) ALL") as target:
        rule = Path(f"/etc/sudoers.d/{target.user}")
        rule.write_text(f"Defaults:{target.user} use_pty\n{rule.read_text()}")
        host = SshHost(target, sshd.known())
        payload, seconds = bytes(range(256)) * 4000, own_seconds()
        assert host.run(sh("exit 7"), check=False).exit_code == 7
        assert host.run(sh("wc -c"), stdin=payload).stdout.strip() == str(len(payload))
        with pytest.raises(errors.CommandTimedOut):
            host.run(sh("sleep {0} & sleep {0}", seconds), timeout=0.5)
        host.close()

    assert gone(seconds)


def test_sudo_that_stops_asking_does_not_let_the_password_into_the_input(sshd: Sshd, person: Person) -> None:
    with person(sudo="ALL=(ALL) ALL") as target:
        host = SshHost(target, sshd.known())
        assert host.become_root() is Become.BY_PASSWORD
        Path(f"/etc/sudoers.d/{target.user}").write_text(f"{target.user} ALL=(ALL) NOPASSWD: ALL\n")

        assert host.run(sh("cat")).stdout == ""
        assert host.run(sh("cat"), stdin=b"payload").stdout == "payload"
        assert host.become_root() is Become.FREELY
        host.close()


@pytest.mark.parametrize("given", [None, b"small", b"x" * 3_000_000], ids=["nothing", "small", "large"])
def test_a_password_that_is_no_longer_accepted_is_an_error(
    sshd: Sshd, person: Person, given: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise sudo would wait for another password, and Slipway for sudo."""
    monkeypatch.setattr("clusters.remote.session.runner.WAIT_FOR_START", 1.0)
    monkeypatch.setattr("clusters.remote.session.root_shells.START_TIMEOUT", 1.0)
    with person(sudo="ALL=(ALL) ALL") as target:
        host = SshHost(target, sshd.known())
        host.become_root()
        with alone():
            subprocess.run(["chpasswd"], input=f"{target.user}:another-one".encode(), check=True)
        with pytest.raises(errors.SudoPasswordWrong):
            host.run(sh("cat"), stdin=given)
        host.close()


TARGET = Target(name="n1", address="192.0.2.1", user="ubuntu")


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("sudo: sorry, you must have a tty to run sudo", errors.SudoNotAllowed),
        ("ubuntu is not in the sudoers file.  This incident will be reported.", errors.SudoNotAllowed),
        ("Sorry, user ubuntu may not run sudo on n1.", errors.SudoNotAllowed),
        (
            "Sorry, try again.\nsudo: no password was provided\nsudo: 1 incorrect password attempt",
            errors.SudoPasswordWrong,
        ),
        ("sudo: PAM account management error: Permission denied", errors.SudoNotAllowed),
        ("", errors.SudoNotAllowed),
    ],
)
def test_messages_of_sudo_become_errors_with_hints(message: str, kind: type[Exception]) -> None:
    error = refusal(TARGET, message)

    assert type(error) is kind
    assert error.hint


def test_no_exit_code_of_a_command_makes_it_run_twice(root: SshHost, tmp_path: Path) -> None:
    for code in (1, 126, 251, 255):
        log = tmp_path / str(code)
        result = root.run(sh("cat >>{}; exit {}", str(log), code), stdin=b"once\n", check=False)

        assert result.exit_code == code
        assert log.read_text() == "once\n"
