"""Little overhead per command: no extra shell, no checksum in Python, and all processes can still be ended."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from clusters.remote.connection.link import open_link
from clusters.remote.errors import CommandTimedOut
from clusters.remote.session.envelope import Frame
from clusters.remote.shell import sh
from clusters.remote.ssh import SshHost
from tests.missing import cannot_be_had
from tests.proc import gone, own_seconds
from tests.remote.test_ssh_stop import FAMILY, Ready

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from clusters.remote.target import Target
    from tests.sshd import Sshd

pytestmark = pytest.mark.sshd

# The command line of the shell that runs the command, and of what started it.
ANCESTORS = "tr '\\0' ' ' </proc/$$/cmdline | head -c 40; echo; tr '\\0' ' ' </proc/$PPID/cmdline | head -c 12"


@pytest.mark.parametrize(
    ("shell", "frame"),
    [("/bin/sh", Frame.BARE), ("/bin/bash", Frame.LED), ("/usr/bin/zsh", Frame.LED), ("/usr/bin/fish", Frame.LED)],
)
def test_sshd_itself_starts_the_shell_that_runs_the_command(
    sshd: Sshd, person: Callable[..., AbstractContextManager[Target]], shell: str, frame: Frame
) -> None:
    if shutil.which(shell) is None:
        cannot_be_had(f"needs {shell}")
    with person(shell=shell) as target:
        host = SshHost(target, sshd.known())
        mine, starter, *_ = host.run(sh(ANCESTORS), sudo=False).stdout.splitlines()
        assert host._session().plain.frame is frame
        host.close()
    assert "sh -c " in mine
    assert starter.startswith("sshd")


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash", "/usr/bin/fish"])
def test_a_command_without_a_frame_is_ended_with_its_whole_family(
    sshd: Sshd, person: Callable[..., AbstractContextManager[Target]], shell: str
) -> None:
    if shutil.which(shell) is None:
        cannot_be_had(f"needs {shell}")
    seconds, ready = own_seconds(), Ready()
    with person(shell=shell) as target:
        host = SshHost(target, sshd.known())
        with pytest.raises(CommandTimedOut) as caught:
            host.run(sh(FAMILY, seconds), sudo=False, timeout=0.1, more=ready.more, on_line=ready)
        assert caught.value.result.stdout == "ready\n"
        assert gone(seconds)
        host.close()


def test_ciphers_that_need_no_checksum_come_first(sshd: Sshd) -> None:
    link = open_link(sshd.root(), sshd.known())
    try:
        assert "gcm" in link.connection.transport.remote_cipher
        assert "gcm" in link.connection.transport.local_cipher
    finally:
        link.close()


def test_a_command_that_never_stops_printing_is_stopped(root: SshHost) -> None:
    lines: list[str] = []
    with pytest.raises(CommandTimedOut):
        root.run(
            sh("yes so many lines"),
            timeout=0.1,
            more=lambda: 0.0 if len(lines) > 1_000 else 600.0,
            on_line=lambda stream, line: lines.append(line),
        )
    assert len(lines) > 1_000
    assert root.run(sh("echo still here")).stdout == "still here\n"


def test_output_of_a_command_is_read_while_it_is_ended(root: SshHost) -> None:
    lines: list[str] = []
    with pytest.raises(CommandTimedOut) as caught:
        root.run(
            sh("trap 'echo cleaning; sleep 0.3; echo done; exit 0' TERM; echo ready; sleep {} & wait", own_seconds()),
            timeout=0.1,
            more=lambda: 0.0 if lines else 600.0,
            on_line=lambda stream, line: lines.append(line) if stream == "stdout" else None,
        )
    assert lines == ["ready", "cleaning", "done"]
    assert caught.value.result.stdout == "ready\ncleaning\ndone\n"


def test_an_error_in_the_callback_ends_the_command_and_is_raised(root: SshHost) -> None:
    def listen(stream: str, line: str) -> None:
        raise ZeroDivisionError(line)

    seconds = own_seconds()
    with pytest.raises(ZeroDivisionError, match="one"):
        root.run(sh("echo one; sleep {}", seconds), on_line=listen)
    assert gone(seconds)


def test_both_streams_are_read_when_one_of_them_is_full(root: SshHost) -> None:
    done = root.run(sh("head -c 5000000 /dev/zero | tr '\\0' e >&2; head -c 5000000 /dev/zero | tr '\\0' o"))
    assert min(len(done.stdout), len(done.stderr)) > 2_000_000
    assert done.stdout.strip("o").count("left out") == done.stderr.strip("e").count("left out") == 1


def test_sudo_has_its_frame(sshd: Sshd) -> None:
    host = SshHost(sshd.target(), sshd.known())
    assert host.run(sh("id -u")).stdout == "0\n"
    session = host._session()
    assert session.plain.frame is Frame.BARE
    assert host._root(session).frame is Frame.GROUPED
    host.close()
