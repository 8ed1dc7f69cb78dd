"""Quoting: any input of a person stays one word in every shell that reads it."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusters.config.secret import Secret
from clusters.remote.errors import CommandTooLong
from clusters.remote.session.envelope import LONGEST_COMMAND, Marks, wrap
from clusters.remote.shell import Command, all_of, sh
from tests.missing import cannot_be_had

MARKS = Marks(start="slipway-test", guard="guard")
# Possible arguments: any text without NUL that can be encoded.
WORDS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=200)
NASTY = [
    "", " ", "a b", "'", '"', "`id`", "$(id)", "$HOME", "\\", "\\n", "!", "!!", "~", "*", "a\nb", "a\n", "-n", "--",
    "; reboot", "&& x", "|", ">f", "#x", "{}", "{0}", "%s", "é", "日本", "\t", "\r", "\x1b[31m", "'\"'\"'",
]  # fmt: skip


def out_of(line: str, shell: str = "/bin/sh") -> bytes:
    done = subprocess.run([shell, "-c", line], capture_output=True, check=True)
    return done.stdout.partition(b"\n")[2]


@settings(max_examples=min(30, settings().max_examples), deadline=None)
@given(WORDS)
def test_quoting_survives_any_string(word: str) -> None:
    line = wrap(sh("printf %s {}", word), MARKS)

    assert out_of(line) == word.encode()


@settings(max_examples=min(30, settings().max_examples), deadline=None)
@given(WORDS)
def test_quoting_for_odd_login_shells_survives_any_string(word: str) -> None:
    line = wrap(sh("printf %s {}", word), MARKS, octal=True)

    assert out_of(line) == word.encode()


@pytest.mark.parametrize("shell", ["dash", "bash", "zsh", "ksh", "busybox", "tcsh", "fish"])
def test_quoting_survives_every_login_shell(shell: str) -> None:
    if shutil.which(shell) is None:
        cannot_be_had(f"needs {shell}")
    start = [shell, "sh", "-c"] if shell == "busybox" else [shell, "-c"]
    command = sh("printf '%s|' " + "{} " * len(NASTY), *NASTY)
    line = wrap(command, MARKS, octal=shell in {"tcsh", "fish"})

    done = subprocess.run([*start, line], capture_output=True, check=True)

    assert done.stdout.partition(b"\n")[2] == "".join(f"{word}|" for word in NASTY).encode()


def test_numbers_are_quoted_too() -> None:
    assert sh("sleep {}", 1.5).text == "sleep 1.5"


def test_a_secret_is_refused() -> None:
    with pytest.raises(TypeError, match="never goes on a command line"):
        sh("login {}", Secret("hunter2"))  # type: ignore[arg-type]  # refused at run time, too


def test_a_command_is_put_in_unchanged() -> None:
    assert sh("if {}; then :; fi", sh("test -e {}", "a b")).text == "if test -e 'a b'; then :; fi"


def test_all_of_stops_at_the_first_that_fails() -> None:
    command = all_of([sh("echo one"), sh("false"), sh("echo two")])

    done = subprocess.run(["/bin/sh", "-c", command.text], capture_output=True, check=False)

    assert done.stdout == b"one\n"
    assert done.returncode == 1


def test_a_command_too_long_for_the_kernel_is_refused() -> None:
    with pytest.raises(CommandTooLong, match="more than fit on a command line"):
        wrap(Command("x" * (LONGEST_COMMAND + 1)), MARKS)
