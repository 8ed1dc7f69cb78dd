"""Stopping: when we say that a command was ended, nothing of it is left on the machine."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from clusters.errors import Cancelled
from clusters.remote.errors import CommandTimedOut
from clusters.remote.host import Cancel
from clusters.remote.shell import sh
from tests.proc import processes, words_of

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.remote.ssh import SshHost

pytestmark = pytest.mark.sshd

# A command with a child, a grandchild, and one in a process group of its own.
FAMILY = (
    "sleep {0} & /bin/sh -c 'sleep {0} & sleep {0}; :' & "
    "if command -v bash >/dev/null; then bash -c 'set -m; sleep {0} & wait' & fi; echo ready; wait"
)


def running(seconds: float) -> list[int]:
    """The processes that sleep for so long, other than as text in a shell's command line."""
    return [pid for pid in processes() if words_of(pid)[:2] == ["sleep", str(seconds)]]


def gone(seconds: float) -> bool:
    deadline = time.monotonic() + 2
    while running(seconds) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not running(seconds)


@pytest.mark.parametrize("sudo", [True, False])
def test_cancel_ends_the_whole_family(root: SshHost, sudo: bool) -> None:
    seconds = 5001.25 if sudo else 5002.25
    cancel, seen = Cancel(), []

    def ready(stream: str, line: str) -> None:
        if line != "ready":
            return
        deadline = time.monotonic() + 5
        while len(running(seconds)) < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
        seen.extend(running(seconds))
        cancel.ask("the person pressed stop")

    began = time.monotonic()
    with pytest.raises(Cancelled, match="the person pressed stop"):
        root.run(sh(FAMILY, seconds), sudo=sudo, cancel=cancel, on_line=ready)

    assert len(seen) == 4
    assert time.monotonic() - began < 5
    assert gone(seconds)


def test_a_timeout_ends_the_whole_family_and_tells_what_was_printed(root: SshHost) -> None:
    with pytest.raises(CommandTimedOut, match=r"within 1 s") as caught:
        root.run(sh(FAMILY, 5003.25), timeout=1)

    assert caught.value.result.stdout == "ready\n"
    assert gone(5003.25)


def test_a_command_that_ignores_the_wish_is_killed(root: SshHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clusters.remote.perform.GRACE", 0.5)
    began = time.monotonic()

    with pytest.raises(CommandTimedOut):
        root.run(sh("trap '' TERM; while :; do sleep {}; done", 0.0625), timeout=0.5)

    assert time.monotonic() - began < 5
    assert gone(0.0625)


def test_a_command_may_clean_up_when_it_is_asked_to_end(root: SshHost, tmp_path: Path) -> None:
    sign = tmp_path / "cleaned"

    with pytest.raises(CommandTimedOut):
        root.run(sh("trap 'touch {}; exit 0' TERM; sleep 5004.25 & wait", str(sign)), timeout=0.5)

    assert sign.exists()


def test_the_connection_stays_usable_after_a_stop(root: SshHost) -> None:
    with pytest.raises(CommandTimedOut):
        root.run(sh("sleep 5005.25"), timeout=0.2)

    assert root.run(sh("echo still here")).stdout == "still here\n"


def test_one_wish_stops_everything_that_runs(root: SshHost) -> None:
    cancel = Cancel()
    threading.Timer(0.7, cancel.ask, ("enough",)).start()

    def one(number: int) -> str:
        with pytest.raises(Cancelled):
            root.run(sh("sleep 5006.25"), cancel=cancel)
        return "stopped"

    began = time.monotonic()
    # More than there are sessions: those that wait for one stop waiting too.
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(one, range(12))) == ["stopped"] * 12
    assert time.monotonic() - began < 8
    assert gone(5006.25)


def test_a_wish_made_before_the_start_is_obeyed(root: SshHost) -> None:
    cancel = Cancel()
    cancel.ask("too late")

    with pytest.raises(Cancelled, match="too late"):
        root.run(sh("sleep 5007.25"), cancel=cancel)

    assert gone(5007.25)


def test_a_finished_command_is_not_spoiled_by_a_late_wish(root: SshHost) -> None:
    cancel = Cancel()

    assert root.run(sh("echo done"), cancel=cancel).ok
    cancel.ask("late")


def test_a_stop_while_input_is_being_sent_ends_it(root: SshHost) -> None:
    cancel = Cancel()
    threading.Timer(0.5, cancel.ask, ("enough",)).start()

    with pytest.raises(Cancelled):
        root.run(sh("sleep 5008.25"), stdin=b"x" * 20_000_000, cancel=cancel)

    assert gone(5008.25)
