"""The root shell that stays: sudo is asked once, and commands notice nothing of it."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusters.remote.errors import CommandTimedOut, ConnectionLost, SudoPasswordWrong
from clusters.remote.shell import sh
from clusters.remote.ssh import SshHost
from tests.remote.test_ssh_stop import gone
from tests.sshd import running_sshd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.remote.test_link import Person
    from tests.sshd import Sshd

pytestmark = pytest.mark.sshd


@pytest.fixture
def host(sshd: Sshd) -> Iterator[SshHost]:
    host = SshHost(sshd.target(), sshd.known())
    yield host
    host.close()


def shells(user: str) -> list[str]:
    """The root shells that stay for this user's sudo."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes().decode("utf-8", "replace")
            environment = (place.parent / "environ").read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if "while read -r size mark" in words and f"SUDO_USER={user}\0" in environment:
            found.append(place.parent.name)
    return found


def test_sudo_is_asked_once_for_many_commands(sshd: Sshd, person: Person, tmp_path: Path) -> None:
    with person(sudo="ALL=(ALL) ALL") as target:
        log = tmp_path / "sudo.log"
        rule = Path(f"/etc/sudoers.d/{target.user}")
        rule.write_text(f"Defaults:{target.user} logfile={log}\n{rule.read_text()}")
        host = SshHost(target, sshd.known())
        host.become_root()
        before = log.read_text().count("COMMAND=")
        assert [host.run(sh("id -un; echo {}", n)).stdout for n in range(20)] == [f"root\n{n}\n" for n in range(20)]
        after = log.read_text().count("COMMAND=")
        host.close()

    assert after - before == 1


def test_commands_keep_their_streams_codes_and_sessions_apart(host: SshHost) -> None:
    for code in (0, 1, 127, 255):
        result = host.run(sh("printf out{}; printf err{} >&2; cd /; umask 077; exit {}", code, code, code), check=False)
        assert (result.stdout, result.stderr, result.exit_code) == (f"out{code}", f"err{code}", code)
    assert host.run(sh("umask")).stdout == "0022\n"
    assert not host.run(sh("kill -KILL $$"), check=False).ok
    assert host.run(sh("id -un")).stdout == "root\n"


def test_whatever_a_command_prints_is_not_taken_for_its_end(host: SshHost) -> None:
    data = os.urandom(400_000) + b"\x1e" * 50 + b"\n\x1eabc"
    host.put(data, "/tmp/slipway-marks")

    assert host.get("/tmp/slipway-marks") == data
    told: list[str] = []
    host.run(sh("printf 'one\\036'; sleep 0.3; printf '\\n\\036two\\n'; rm /tmp/slipway-marks"),
             on_line=lambda stream, line: told.append(line))  # fmt: skip
    assert told == ["one\x1e", "\x1etwo"]


def test_what_is_left_in_the_background_prints_into_no_other_command(host: SshHost) -> None:
    host.run(sh("(sleep 1.6; echo stray; echo stray >&2) & echo started"))

    results = [host.run(sh("sleep 0.25; echo {}", number)) for number in range(8)]

    assert [(result.stdout, result.stderr) for result in results] == [(f"{number}\n", "") for number in range(8)]


def test_many_at_once_do_not_wait_for_it(host: SshHost) -> None:
    host.become_root()
    began = time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lambda n: host.run(sh("sleep 1; echo {}", n)).stdout, range(6))) == [
            f"{n}\n" for n in range(6)
        ]

    assert time.monotonic() - began < 5


def test_a_machine_with_one_session_is_not_blocked_by_it(sshd: Sshd, tmp_path: Path) -> None:
    with running_sshd(tmp_path, sshd.user, sshd.password, "MaxSessions 1") as small:
        host = SshHost(small.target(), small.known())
        began = time.monotonic()
        for number in range(3):
            assert host.run(sh("echo {}", number)).stdout == f"{number}\n"
            assert host.run(sh("cat"), stdin=b"given").stdout == "given"
        host.close()

    assert time.monotonic() - began < 15


def test_what_is_cancelled_while_sudo_thinks_never_runs(sshd: Sshd, person: Person, tmp_path: Path) -> None:
    with person(sudo="ALL=(ALL) ALL") as target:
        host = SshHost(target, sshd.known())
        host.become_root()
        sign, thinking = tmp_path / "ran", tmp_path / "thinking"
        rule = Path(f"/etc/sudoers.d/{target.user}")
        before = rule.read_text()
        os.mkfifo(thinking)
        # sudo opens it once it has the password, and waits until somebody writes into it.
        rule.write_text(f"Defaults:{target.user} env_file={thinking}\n{before}")
        with pytest.raises(CommandTimedOut):
            host.run(sh("touch {}", str(sign)), timeout=0.5)
        rule.write_text(before)
        thinking.write_text("THOUGHT=1\n")
        assert host.run(sh("echo after")).stdout == "after\n"
        host.close()
        deadline = time.monotonic() + 5
        while shells(target.user) and time.monotonic() < deadline:
            time.sleep(0.05)

    assert not sign.exists()


def test_it_ends_with_the_connection(host: SshHost, sshd: Sshd) -> None:
    host.run(sh("true"))
    assert shells(sshd.user)
    host.close()

    deadline = time.monotonic() + 5
    while shells(sshd.user) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not shells(sshd.user)


def test_a_machine_that_goes_down_loses_it_and_gets_another(sshd: Sshd, tmp_path: Path) -> None:
    with running_sshd(tmp_path, sshd.user, sshd.password) as other:
        host = SshHost(other.target(), other.known())
        host.run(sh("true"))
        threading.Timer(0.5, other.stop).start()
        with pytest.raises(ConnectionLost, match="closed from the other side"):
            host.run(sh("sleep 5201.25"))
        other.start()
        assert host.run(sh("id -un; pkill -x -f {}; true", "sleep 5201.25")).stdout == "root\n"
        host.close()

    assert gone(5201.25)


def test_a_shell_that_was_killed_is_replaced(host: SshHost, sshd: Sshd) -> None:
    host.run(sh("true"))
    for process in shells(sshd.user):
        os.kill(int(process), 9)

    # A command that is sent before its end is noticed is told as lost, not as done, and may be tried again.
    with suppress(ConnectionLost):
        assert host.run(sh("echo first")).stdout == "first\n"
    assert host.run(sh("id -un")).stdout == "root\n"


@pytest.mark.parametrize("given", [None, b"payload"])
def test_a_password_that_is_accepted_no_more_ends_in_an_error(
    sshd: Sshd, person: Person, given: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sudo would wait for a better one, and we for sudo."""
    monkeypatch.setattr("clusters.remote.runner.WAIT_FOR_START", 1.0)
    with person(sudo="ALL=(ALL) ALL") as target:
        host = SshHost(target, sshd.known())
        host.become_root()
        subprocess.run(["chpasswd"], input=f"{target.user}:another-one".encode(), check=True)
        with pytest.raises(SudoPasswordWrong):
            host.run(sh("cat"), stdin=given)
        host.close()
