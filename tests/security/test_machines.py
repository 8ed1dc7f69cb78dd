"""A hostile machine fills neither the worker's memory nor its log, and does not block a thread forever."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

import paramiko
import pytest

from clusters.errors import RemoteError
from clusters.remote.connection import bounded
from clusters.remote.errors import CommandTimedOut, ConnectionLost, FileTooLarge, HandshakeFailed, ShellUnusable
from clusters.remote.facts import parse_facts
from clusters.remote.session import output, perform, runner
from clusters.remote.session.output import Capture, Framed, Lines, Tap
from clusters.remote.shell import sh
from clusters.remote.ssh import SshHost
from clusters.remote.target import Target
from tests.fake_host import FakeHost
from tests.known_keys import InMemoryKeys
from tests.security.hostile import Memory, listening, machine

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    Figure = Callable[[str, object], None]


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perform, "GRACE", 1.0)


@pytest.mark.parametrize("alone", [False, True], ids=["in a standing shell", "in a separate session"])
def test_a_file_without_an_end_is_not_read_into_memory(alone: bool, tmp_path: Path, record_property: Figure) -> None:
    (tmp_path / "file").write_text("small")

    def alter(text: str) -> str:
        return text.replace("head -c", "cat /dev/zero; head -c").replace("cat < ", "cat /dev/zero < ")

    with machine(alter) as host:
        if alone:
            host.run(sh("true"))
            host._session().link.shells._most = 0
        with Memory() as memory, pytest.raises(FileTooLarge, match="has more than 4,194,304 bytes"):
            host.get(str(tmp_path / "file"))
    record_property("figure", f"{memory.grown:.0f} MB in {memory.seconds:.1f} s")
    assert memory.grown < 64


def test_a_file_is_read_to_the_last_byte_that_it_may_have(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 70_000)
    with machine() as host:
        assert host.get(str(tmp_path / "file"), most=70_000) == b"x" * 70_000
        with pytest.raises(FileTooLarge):
            host.get(str(tmp_path / "file"), most=69_999)


def test_a_file_that_never_comes_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("small")
    with machine(lambda text: text.replace("head -c", "sleep 60; head -c")) as host:
        began = time.monotonic()
        with pytest.raises(CommandTimedOut, match=r"Reading .*/file on node1 did not end within 0.5 s"):
            host.get(str(tmp_path / "file"), timeout=0.5)
        assert time.monotonic() - began < 15


@pytest.mark.parametrize("size", [10, 100_000], ids=["small", "large"])
def test_a_file_that_is_never_received_is_given_up(size: int, tmp_path: Path) -> None:
    late = pytest.raises(CommandTimedOut, match=r"Writing .*/file on node1 did not end within 0.5 s")
    with machine(lambda text: text.replace("mkdir -p", "sleep 60; mkdir -p")) as host, late:
        host.put(b"x" * size, str(tmp_path / "file"), timeout=0.5)
    assert not (tmp_path / "file").exists()


@pytest.mark.thorough
@pytest.mark.parametrize("stream", ["", " >&2"])
@pytest.mark.parametrize("shared", [True, False])
def test_a_flood_does_not_keep_a_command_from_its_end(stream: str, shared: bool, record_property: Figure) -> None:
    lines: list[int] = []
    with machine() as host:
        host.run(sh("true"))
        with Memory() as memory, pytest.raises(CommandTimedOut):
            host.run(sh(f"cat /dev/zero{stream}"), timeout=1.0, shared=shared, on_line=lambda _, line: lines.append(1))
    record_property("figure", f"{memory.grown:.0f} MB in {memory.seconds:.1f} s")
    assert memory.grown < 64 and memory.seconds < 30


def test_data_beyond_the_window_ends_the_connection(monkeypatch: pytest.MonkeyPatch, record_property: Figure) -> None:
    """The machine ignores how much it may send, and the reader is slow."""

    def greedy(transport: paramiko.Transport) -> None:
        monkeypatch.setattr(paramiko.Channel, "_wait_for_send_window", lambda channel, size: min(size, 30_000))

    with machine(started=greedy) as host:
        host.run(sh("true"))
        with Memory() as memory, pytest.raises(ConnectionLost, match="bytes wait in a channel with a window of"):
            host.run(sh("yes $(head -c 9999 /dev/zero | tr '\\0' x)"), on_line=lambda _, line: time.sleep(0.01))
    record_property("figure", f"{memory.grown:.0f} MB in {memory.seconds:.1f} s")
    assert memory.grown < 64


def flooding(first: bytes, piece: bytes) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.sendall(first)
            while True:
                connection.sendall(piece)

    return talk


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (b"SSH-2.0-x\r\n\x3f\xff\xff\xf4", "it announces a packet of 1,073,741,"),
        (b"no line feed", "it greets with more than 65,536 bytes"),
    ],
    ids=["a packet of a gigabyte", "a greeting without an end"],
)
def test_nothing_large_is_accepted_from_an_unknown_server(first: bytes, message: str, record_property: Figure) -> None:
    with listening(flooding(first, bytes(1 << 16))) as port:
        host = SshHost(Target("node1", "127.0.0.1", port, timeout=5.0), InMemoryKeys())
        with Memory() as memory, pytest.raises(HandshakeFailed, match=message):
            host.connect()
    record_property("figure", f"{memory.grown:.0f} MB in {memory.seconds:.1f} s")
    assert memory.grown < 32 and memory.seconds < 20


def test_a_machine_that_never_confirms_a_command_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    over, commands = threading.Event(), iter(range(100))

    def starts() -> None:
        if next(commands) >= 1:
            over.wait(60)

    monkeypatch.setattr(runner, "WAIT_FOR_EXEC", 0.5)
    with machine(starts=starts) as host:
        try:
            host.connect()
            with pytest.raises((ShellUnusable, CommandTimedOut, ConnectionLost)):
                host.run(sh("true"), sudo=False, timeout=3)
        finally:
            over.set()


def test_what_ends_a_command_on_a_machine_ends_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which the ending hangs, too, holds nobody up: nothing ends the ending."""
    ended: list[str] = []
    real = perform.end_group

    def end(*arguments: Any) -> None:
        ended.append("")
        real(*arguments)

    monkeypatch.setattr(perform, "end_group", end)
    monkeypatch.setattr(perform, "GRACE", -9.0)
    with machine(lambda text: text.replace("exec 2>/dev/null", "sleep 60")) as host:
        began = time.monotonic()
        with pytest.raises(CommandTimedOut):
            host.run(sh("sleep 60"), sudo=False, timeout=0.5, on_line=lambda _, line: None)
    assert len(ended) == 1 and time.monotonic() - began < 20


def test_a_machine_that_prints_after_a_commands_end_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "LONGEST_LINGER", 1.0)

    def early(transport: paramiko.Transport) -> None:
        forward = paramiko.Channel.sendall

        def sendall(channel: paramiko.Channel, data: bytes) -> None:
            if transport.server_mode and b"flood" in data:
                channel.send_exit_status(0)
            forward(channel, data)

        monkeypatch.setattr(paramiko.Channel, "sendall", sendall)

    with machine(started=early) as host:
        began = time.monotonic()
        done = host.run(sh("while echo flood; do sleep 0.1; done"), sudo=False, on_line=lambda _, line: None)
    assert done.ok and time.monotonic() - began < 15


def test_the_log_limits_the_output_of_a_command_and_reports_the_rest() -> None:
    told: list[str] = []
    lines = Lines(told.append, most=10_000)
    for _ in range(50):
        lines.feed(b"x" * 999 + b"\n")
    lines.feed(b"short\n")
    lines.finish()
    assert [len(line) for line in told[:10]] == [999] * 10
    assert told[10:] == [
        "… the command prints more than the log stores; the rest is only counted …",
        "… 40006 bytes of this command's output are left out of the log …",
    ]
    assert output.LOGGED_BYTES <= 64 << 20


def test_a_flood_in_the_smallest_pieces_takes_no_more_memory_than_in_large_ones() -> None:
    capture = Capture(limit=1000)
    for _ in range(100_000):
        capture.feed(b"x")
    assert len(capture._head) + len(capture._tail) <= 3000
    assert len(capture.content()) < 2100 and b"98000 bytes left out" in capture.content()


def test_an_endless_word_is_not_stored() -> None:
    framed = Framed(Tap(b"begin", Capture()), b"end")
    framed.feed(b"begin 1\nend ")
    for _ in range(1000):
        framed.feed(b"7" * 1000)
    assert len(framed._held) <= 64 and not framed.over


@pytest.mark.parametrize(
    "text",
    [
        "cpus=inf",
        "cpus=nan",
        "memory_kb=1e999",
        "mtu=eth0 ²",
        "listen=0:xyz",
        "listen=",
        "resolver=",
        "mtu=eth0 " + "9" * 5000,
    ],
)
def test_facts_that_are_none_are_passed_over(text: str) -> None:
    assert parse_facts(f"kernel=6.1\n{text}\n", here=0.0).kernel == "6.1"


def test_a_pretend_machine_keeps_the_limit_too() -> None:
    host = FakeHost()
    host.put(b"12345", "/file")
    with pytest.raises(RemoteError, match="more than 4 bytes"):
        host.get("/file", most=4)
    assert bounded.LARGEST_PACKET < 1 << 20
