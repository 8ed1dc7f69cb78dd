"""Packages come from the sources that work, after other programs that install packages have ended."""

from __future__ import annotations

import fcntl
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from clusters.engine import packages
from clusters.engine.machine import FactsOnce, Machine
from clusters.engine.packages import HOLDER, Packages, install
from clusters.engine.wants import NotReached
from clusters.remote.host import Cancel
from tests.catalog.pretend import Kept, seed
from tests.clock import stopped_clock
from tests.fake_host import Answer, FakeHost, Ran

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BROKEN = Answer(exit_code=100, stderr="E: The repository 'http://gone.example bookworm Release' has no Release file.")


def machine_with(tool: str) -> tuple[Machine, FakeHost, Kept]:
    """A machine with this package tool."""
    host, sink = FakeHost("node1"), Kept()
    host.answer("command -v apt-get dnf", f"/usr/bin/{tool}\n")
    return Machine(seed().hosts[0], host, sink=sink, cancel=Cancel(), facts=FactsOnce()), host, sink


def notes(sink: Kept) -> list[str]:
    return [text for event in sink.events if (text := str(getattr(event, "text", "")))]


def missing_until(host: FakeHost, command: str, part: str) -> Callable[[Ran], Answer]:
    """The command is missing until one with this part was run successfully."""
    return lambda ran: Answer("" if any(part in each for each in host.commands) else f"{command}\n")


def test_a_broken_source_is_a_warning_where_another_has_the_package() -> None:
    machine, host, sink = machine_with("apt-get")
    host.answer("apt-get update", BROKEN)
    host.answer("for c in socat", missing_until(host, "socat", " install -qy socat"))
    want = Packages({"socat": "socat"})
    assert want.seen(machine).found == "missing: socat"
    want.reach(machine)
    assert want.seen(machine).so
    (warning,) = [each for each in notes(sink) if each.startswith("warning: ")]
    assert "gone.example" in warning


def test_a_broken_source_does_not_matter_while_the_tools_are_there() -> None:
    machine, host, _ = machine_with("apt-get")
    host.answer("apt-get", BROKEN)
    assert Packages({"socat": "socat"}).seen(machine).so
    assert not any("apt-get update" in each for each in host.commands)


def test_a_failed_tool_that_installed_the_package_is_enough() -> None:
    machine, host, _ = machine_with("zypper")
    host.answer("zypper -n install", Answer(exit_code=106, stderr="Some of the repositories have not been refreshed"))
    host.answer("for c in socat", missing_until(host, "socat", "zypper -n install socat"))
    Packages({"socat": "socat"}).reach(machine)


def test_dnf_leaves_out_a_repository_that_does_not_answer() -> None:
    machine, host, sink = machine_with("dnf")
    host.answer("dnf install", Answer(exit_code=1, stderr="Error: Failed to download metadata for repo 'gone'"))
    assert install(machine, ("socat",)).ok
    assert "skip_if_unavailable" in host.commands[-1]
    assert any("repo 'gone'" in each for each in notes(sink))


def test_a_package_that_no_source_has_is_an_error_with_the_tools_output() -> None:
    machine, host, _ = machine_with("apt-get")
    host.answer(" install -qy", Answer(exit_code=100, stderr="E: Unable to locate package socat"))
    host.answer("for c in socat", "socat\n")
    with pytest.raises(NotReached, match=r"still lacks socat.*Unable to locate package socat") as caught:
        Packages({"socat": "socat"}).reach(machine)
    assert caught.value.retryable


def test_a_lock_is_waited_for_and_its_holder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped_clock(monkeypatch)
    machine, host, sink = machine_with("apt-get")
    answers = iter(["812 unattended-upgr\n"] * 25 + ["913 dpkg\n", ""])
    host.answer("/proc/locks", lambda ran: Answer(next(answers)))
    assert install(machine, ("socat",)).ok
    waits = [each for each in notes(sink) if each.startswith("waiting: ")]
    assert waits[0] == "waiting: unattended-upgr (process 812) installs packages on node1"
    assert len(waits) == 4 and "dpkg (process 913)" in waits[-1]


def test_a_lock_that_is_never_released_ends_the_wait_with_its_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped_clock(monkeypatch)
    machine, host, _ = machine_with("apt-get")
    host.answer("/proc/locks", "812 apt-get\n")
    with pytest.raises(NotReached, match=rf"apt-get \(process 812\).*node1 for more than {packages.LOCKED_FOR:.0f} s"):
        install(machine, ("socat",))
    assert not any("install" in each for each in host.commands)


def test_the_question_for_the_holder_names_the_process_that_has_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    ask = HOLDER.text.replace("/var/lib/dpkg/lock-frontend", str(lock)).replace("/run/yum.pid", "/dev/null")

    def holder() -> str:
        return subprocess.run(["sh", "-c", ask], capture_output=True, text=True, check=True).stdout

    with lock.open("w") as file:
        before = holder()
        fcntl.lockf(file, fcntl.LOCK_EX)
        assert holder().split()[0] == str(os.getpid())
    assert before == holder()
