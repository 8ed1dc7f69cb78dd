"""The messages of sudo, sudo-rs and login shells, and what Slipway makes of them."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.config.secret import Secret
from clusters.remote import errors, ssh
from clusters.remote.session import sudo
from clusters.remote.session.envelope import Become
from clusters.remote.session.perform import Way
from clusters.remote.session.sudo import refusal
from clusters.remote.target import Target
from tests.remote.test_sudo_silent import performed

TARGET = Target("node1", "192.0.2.1", user="ubuntu", password=Secret("right"))
ASKS_RS = "sudo: interactive authentication is required\n"


def become(monkeypatch: pytest.MonkeyPatch, *answers: Any) -> Way:
    """How the login becomes root, where the machine gives these answers."""
    given = iter(answers)
    monkeypatch.setattr(sudo, "perform", lambda *_, **__: next(given))
    nobody: Any = None
    return sudo.way_to_root(nobody, TARGET, is_root=False, plain=Way())


@pytest.mark.parametrize("asks", ["sudo: a password is required\n", ASKS_RS, "sudo: Interaction is required\n"])
def test_a_password_works_with_sudo_and_with_sudo_rs(asks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    way = become(monkeypatch, performed("password\n", asks), performed(""))
    assert way.become is Become.BY_PASSWORD


def test_sudo_rs_without_a_password_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.TARGET", Target("node1", "192.0.2.1", user="ubuntu"))
    with pytest.raises(errors.SudoPasswordNeeded, match="none was entered"):
        become(monkeypatch, performed("password\n", ASKS_RS))


@pytest.mark.parametrize(
    "message",
    [
        "[sudo: authenticate] password of ubuntu: sudo: Authentication failed, try again.\n"
        "sudo: Authentication required but not attempted",
        "sudo: Maximum 1 incorrect authentication attempts",
        "sudo-rs: 3 incorrect authentication attempts",
        "sudo: Incorrect authentication attempt",
        "password of ubuntu: Sorry, try again.\nsudo: no password was provided\nsudo: 1 incorrect password attempt",
    ],
)
def test_a_wrong_password_is_called_wrong_by_sudo_and_sudo_rs(message: str) -> None:
    error = refusal(TARGET, message)
    assert type(error) is errors.SudoPasswordWrong
    assert "does not accept the password of ubuntu" in error.message


@pytest.mark.parametrize("prompt", ["password of root: ", "[sudo: authenticate] password of root: "])
def test_a_sudo_that_asks_for_the_password_of_root_is_named(prompt: str) -> None:
    error = refusal(TARGET, f"{prompt}Sorry, try again.\nsudo: 1 incorrect password attempt")
    assert type(error) is errors.SudoPasswordWrong
    assert "asks ubuntu for the password of root" in error.message
    assert "targetpw" in error.hint and "rootpw" in error.hint and "%p" in Become.BY_PASSWORD.value


@pytest.mark.parametrize(
    ("message", "text", "hint"),
    [
        ("sudo: Account or password is expired, reset your password and try again", "has expired", "passwd ubuntu"),
        ("sudo: Password expired, contact your system administrator", "has expired", "passwd ubuntu"),
        ("sudo: unable to change expired password: Authentication token manipulation error", "expired", "passwd"),
        ("sudo: Account validation failure, is your account locked?", "locked or has expired", "faillock"),
        ("sudo: Account expired, contact your system administrator", "locked or has expired", "chage -l ubuntu"),
        ("/bin/sh: 1: setsid: Permission denied", "may start no programs", "NOEXEC"),
        ("sudo: I'm sorry ubuntu. I'm afraid I can't do that", "not in the sudoers", "sudo or wheel"),
        ("sudo: Sorry, user ubuntu is not allowed to execute '/bin/sh' as root on n.", "certain other", "Allow all"),
        ("sudo: Sorry, user ubuntu may not run /bin/sh on node1.", "certain other", "Allow all"),
    ],
)
def test_a_refusal_names_the_cause_and_what_to_do(message: str, text: str, hint: str) -> None:
    error = refusal(TARGET, message)
    assert type(error) is errors.SudoNotAllowed
    assert text in error.message and hint in error.hint


@pytest.mark.parametrize(
    ("printed", "hint"),
    [
        ("WARNING: Your password has expired.\nPassword change required but no TTY available.", "has expired"),
        ("This account is currently not available.", "account is closed"),
        ("fish: Permission denied", "noexec"),
        ("hello", "normal shell"),
    ],
)
def test_a_shell_that_runs_nothing_gets_the_hint_of_its_message(printed: str, hint: str) -> None:
    assert hint in ssh._unusable(TARGET, performed("", printed)).hint
