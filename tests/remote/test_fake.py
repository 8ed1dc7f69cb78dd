"""FakeHost: behaves like a real Host, so that tests with it are valid."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from clusters.errors import Cancelled
from clusters.remote.errors import CommandTimedOut, ConnectionLost, FileMissing
from clusters.remote.host import Cancel, CommandFailed, Host
from clusters.remote.shell import sh
from tests.fake_host import Answer, FakeHost, Ran

if TYPE_CHECKING:
    from pathlib import Path


def test_it_is_a_host() -> None:
    host: Host = FakeHost("n1")

    assert host.run(sh("anything")).ok


def test_the_last_answer_that_matches_is_given() -> None:
    host = FakeHost("n1", [("uname", "Linux\n"), (re.compile(r"uname -[mr]"), "6.1\n")])

    assert host.run(sh("uname")).stdout == "Linux\n"
    assert host.run(sh("uname -r")).stdout == "6.1\n"
    host.answer("uname -r", 3)
    assert host.run(sh("uname -r"), check=False).exit_code == 3


def test_a_failure_raises_as_a_real_one_does() -> None:
    host = FakeHost("n1", [("false", Answer(exit_code=2, stderr="no way\n"))])

    with pytest.raises(CommandFailed, match="no way") as caught:
        host.run(sh("false"))

    assert caught.value.result.exit_code == 2


def test_a_function_may_answer_and_sees_the_input() -> None:
    def upper(ran: Ran) -> Answer:
        return Answer((ran.stdin or b"").decode().upper())

    assert FakeHost("n1", [("tr", upper)]).run(sh("tr a-z A-Z"), stdin=b"abc").stdout == "ABC"


def test_lines_are_passed_on() -> None:
    told: list[tuple[str, str]] = []
    host = FakeHost("n1", [("x", Answer("one\ntwo\n", stderr="three\n"))])

    host.run(sh("x"), on_line=lambda stream, line: told.append((stream, line)))

    assert told == [("stdout", "one"), ("stdout", "two"), ("stderr", "three")]


def test_the_fake_host_remembers_commands() -> None:
    host = FakeHost("n1")
    host.run(sh("echo {}", "a b"), sudo=False)

    assert host.commands == ["echo 'a b'"]
    assert host.ran == [Ran("echo 'a b'", False, None)]


def test_a_strict_fake_host_knows_only_its_answers() -> None:
    with pytest.raises(CommandFailed, match="not answered"):
        FakeHost("n1", strict=True).run(sh("surprise"))


def test_last_lines_have_no_color_codes_but_the_output_has() -> None:
    printed = "\x1b[0;32m[ok]\x1b[0m one\n10%\r\x1b[K20%\r\n"
    host = FakeHost("n1", [("", Answer(printed, 1, "\x1b]0;t\x07\x1b[31merror:\x1b[0m no\n\x1b[0m\n"))])

    result = host.run(sh("x"), check=False)

    assert result.stdout == printed
    assert result.last_lines() == ("[ok] one", "10%", "20%", "", "error: no")
    assert result.last_lines(1) == ("error: no",)
    with pytest.raises(CommandFailed, match=r"ended with exit code 1: error: no$"):
        host.run(sh("x"))


def test_files_live_in_memory(tmp_path: Path) -> None:
    host = FakeHost("n1")
    (tmp_path / "local").write_bytes(b"content")
    host.put(tmp_path / "local", "/etc/x", mode=0o600, owner="etcd:etcd")

    assert host.get("/etc/x") == b"content"
    assert (host.files["/etc/x"].mode, host.files["/etc/x"].owner) == (0o600, "etcd:etcd")
    with pytest.raises(FileMissing):
        host.get("/etc/y")


def test_slow_answers_time_out_and_are_cancelled() -> None:
    host = FakeHost("n1", [("slow", Answer(seconds=30))])
    cancel = Cancel()
    cancel.ask("enough")

    with pytest.raises(CommandTimedOut):
        host.run(sh("slow"), timeout=0.05)
    with pytest.raises(Cancelled, match="enough"):
        host.run(sh("slow"), cancel=cancel)


def test_a_lost_machine_answers_nothing_until_it_is_back() -> None:
    host = FakeHost("n1", [("once", ConnectionLost("gone"))])
    host.lost = True
    for call in (lambda: host.run(sh("x")), lambda: host.get("/x"), lambda: host.put(b"", "/x")):
        with pytest.raises(ConnectionLost):
            call()
    assert host.ran == []

    host.lost = False
    assert host.run(sh("x")).ok
    with pytest.raises(ConnectionLost, match="gone"):
        host.run(sh("once"))


def test_latency_is_felt() -> None:
    began = time.monotonic()

    FakeHost("n1", latency=0.05).run(sh("x"))

    assert time.monotonic() - began >= 0.05
