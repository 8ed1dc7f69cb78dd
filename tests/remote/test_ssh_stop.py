"""Stopping: when Slipway reports the end of a command, none of its processes is left on the machine."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from clusters.errors import Cancelled
from clusters.remote.errors import CommandTimedOut
from clusters.remote.host import Cancel
from clusters.remote.session import envelope, perform
from clusters.remote.shell import sh
from tests.proc import gone, own_seconds, running

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.remote.ssh import SshHost

pytestmark = pytest.mark.sshd

# A command with a child, a grandchild, and one in a separate process group.
FAMILY = (
    "sleep {0} & /bin/sh -c 'sleep {0} & sleep {0}; :' & "
    "if command -v bash >/dev/null; then bash -c 'set -m; sleep {0} & wait' & fi; echo ready; wait"
)
STUBBORN = "trap '' TERM; echo ready; while :; do sleep {}; done"


class Ready:
    """Notices when a command prints `ready`; its time may not be over before."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def __call__(self, stream: str, line: str) -> None:
        """For `on_line`."""
        if line == "ready":
            self.event.set()

    def more(self) -> float:
        """For `more`: the seconds granted beyond the timeout."""
        return 0.0 if self.event.is_set() else 600.0


def all_four(seconds: str) -> list[int]:
    """All its processes, as soon as they exist."""
    deadline = time.monotonic() + 60
    while len(found := running(seconds)) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


@pytest.mark.parametrize("sudo", [True, False])
def test_cancel_ends_all_processes_of_a_command(root: SshHost, sudo: bool) -> None:
    seconds = own_seconds()
    cancel, seen = Cancel(), []

    def ready(stream: str, line: str) -> None:
        if line == "ready":
            seen.extend(all_four(seconds))
            cancel.ask("the person pressed stop")

    with pytest.raises(Cancelled, match="the person pressed stop"):
        root.run(sh(FAMILY, seconds), sudo=sudo, cancel=cancel, on_line=ready)

    assert len(seen) == 4
    assert gone(seconds)


@pytest.mark.parametrize("shared", [True, False])
def test_a_timeout_ends_all_processes_and_returns_their_output(root: SshHost, shared: bool) -> None:
    seconds, ready = own_seconds(), Ready()
    with pytest.raises(CommandTimedOut, match=r"within 1 s") as caught:
        root.run(sh(FAMILY, seconds), timeout=1, more=ready.more, on_line=ready, shared=shared)

    assert caught.value.result.stdout == "ready\n"
    assert gone(seconds)


def test_a_command_that_ignores_sigterm_is_killed(root: SshHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perform, "GRACE", 0.5)
    seconds, ready = own_seconds(), Ready()

    with pytest.raises(CommandTimedOut):
        root.run(sh(STUBBORN, seconds), timeout=0.1, more=ready.more, on_line=ready)

    assert gone(seconds)


def test_the_grace_period_is_time_and_not_a_number_of_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perform, "GRACE", 2.0)
    slow = tmp_path / "sleep"
    slow.write_text("#!/bin/sh\nexec /bin/sleep 5\n")
    slow.chmod(0o755)
    command = ["/bin/sh", "-c", sh(STUBBORN, own_seconds()).text]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as stubborn:
        assert stubborn.stdout is not None and stubborn.stdout.readline() == b"ready\n"
        ending = sh("PATH={}:$PATH; {}", str(tmp_path), perform.ending(stubborn.pid))
        try:
            # By count there would be 22 checks, which take 110 s here.
            subprocess.run(["/bin/sh", "-c", ending.text], check=True, timeout=60)
            assert stubborn.wait(60) == -signal.SIGKILL
        finally:
            with suppress(ProcessLookupError):
                os.killpg(stubborn.pid, signal.SIGKILL)


def test_processes_that_do_not_end_in_time_are_killed_and_logged(
    root: SshHost, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hanging = own_seconds()
    monkeypatch.setattr(perform, "GRACE", 0.5)
    monkeypatch.setattr(perform, "_END", f"exec sleep {hanging}")
    seconds, ready = own_seconds(), Ready()

    with pytest.raises(CommandTimedOut):
        root.run(sh(STUBBORN, seconds), timeout=0.1, more=ready.more, on_line=ready)

    assert gone(seconds)
    assert "did not end in time; they are being killed" in caplog.text
    root.run(sh("pkill -xf {}; true", f"sleep {hanging}"))


def test_a_command_may_clean_up_when_it_is_asked_to_end(root: SshHost, tmp_path: Path) -> None:
    sign, ready = tmp_path / "cleaned", Ready()

    with pytest.raises(CommandTimedOut):
        root.run(
            sh("trap 'touch {}; exit 0' TERM; echo ready; sleep {} & wait", str(sign), own_seconds()),
            timeout=0.1,
            more=ready.more,
            on_line=ready,
            shared=True,
        )

    assert sign.exists()


def test_the_connection_stays_usable_after_a_stop(root: SshHost) -> None:
    with pytest.raises(CommandTimedOut):
        root.run(sh("sleep {}", own_seconds()), timeout=0.2)

    assert root.run(sh("echo still here")).stdout == "still here\n"


def test_one_request_stops_all_running_commands(root: SshHost) -> None:
    seconds, cancel = own_seconds(), Cancel()

    def one(number: int) -> str:
        with pytest.raises(Cancelled):
            root.run(sh("sleep {}", seconds), cancel=cancel)
        return "stopped"

    # More than there are sessions: commands that wait for one must stop waiting, too.
    with ThreadPoolExecutor(12) as pool:
        all_of_them = [pool.submit(one, number) for number in range(12)]
        deadline = time.monotonic() + 60
        while len(running(seconds)) < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        cancel.ask("enough")
        assert [each.result(110) for each in all_of_them] == ["stopped"] * 12
    assert gone(seconds)


def test_a_cancel_before_the_start_is_obeyed(root: SshHost) -> None:
    seconds, cancel = own_seconds(), Cancel()
    cancel.ask("too late")

    with pytest.raises(Cancelled, match="too late"):
        root.run(sh("sleep {}", seconds), cancel=cancel)

    assert gone(seconds)


def delay_the_start(monkeypatch: pytest.MonkeyPatch, once: Path, seconds: str) -> None:
    """The next command sleeps before it reports its process group, and continues although nobody reads its output."""
    first = f"if mkdir {once} 2>/dev/null; then trap '' PIPE; sleep {seconds}; touch {once}/begun; fi"
    monkeypatch.setattr(envelope, "ENVIRONMENT", f"{first}; {envelope.ENVIRONMENT}")


@pytest.mark.parametrize("shared", [True, False])
def test_a_command_stopped_before_its_start_is_ended_after_it(
    root: SshHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: bool
) -> None:
    seconds, once = own_seconds(), tmp_path / "once"
    root.run(sh("true"))
    delay_the_start(monkeypatch, once, "4")

    with pytest.raises(CommandTimedOut):
        root.run(sh("sleep {}", seconds), timeout=0.2, on_line=lambda stream, line: None, shared=shared)

    assert (once / "begun").exists()
    assert gone(seconds)


@pytest.mark.parametrize("shared", [True, False])
def test_a_command_that_never_starts_is_given_up_and_logged(
    root: SshHost,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    shared: bool,
) -> None:
    hanging = own_seconds()
    root.run(sh("true"))
    delay_the_start(monkeypatch, tmp_path / "once", hanging)
    for module in ("session.runner", "session.root_shells"):
        monkeypatch.setattr(f"clusters.remote.{module}.WAIT_FOR_GROUP", 0.5)

    with pytest.raises(CommandTimedOut):
        root.run(sh("true"), timeout=0.2, on_line=lambda stream, line: None, shared=shared)

    assert "a command on node1 may still run" in caplog.text
    root.run(sh("pkill -xf {}; true", f"sleep {hanging}"))


def test_a_late_cancel_does_not_change_a_finished_command(root: SshHost) -> None:
    cancel = Cancel()

    assert root.run(sh("echo done"), cancel=cancel).ok
    cancel.ask("late")


def test_a_stop_while_input_is_being_sent_ends_it(root: SshHost) -> None:
    seconds, cancel = own_seconds(), Cancel()

    with pytest.raises(Cancelled):
        root.run(
            sh("echo ready; sleep {}", seconds),
            stdin=b"x" * 20_000_000,
            cancel=cancel,
            on_line=lambda stream, line: cancel.ask("enough"),
        )

    assert gone(seconds)
