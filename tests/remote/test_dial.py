"""Dialing with this machine's shell: what a closed port, an open port and an unknown name are reported as."""

from __future__ import annotations

import socket
import subprocess

import pytest

from clusters.remote.dial import AT_ONCE, MOST, Answer, Dial, dial_command, read_dials
from tests.sshd import free_port


def dialled(*places: tuple[str, int], seconds: int = 3) -> list[Answer]:
    ran = subprocess.run(
        ["/bin/sh", "-c", dial_command(places, seconds=seconds).text], check=True, capture_output=True, text=True
    )
    assert ran.stderr == ""
    found = read_dials(ran.stdout, places)
    assert found is not None
    assert [(dial.address, dial.port) for dial in found] == list(places)
    return [dial.answer for dial in found]


def test_a_closed_port_refuses_and_an_open_one_connects() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
        assert dialled(("127.0.0.1", port), ("127.0.0.1", free_port())) == [Answer.CONNECTED, Answer.REFUSED]


def test_a_silent_port_does_not_delay_others() -> None:
    # The listener accepts nothing and its queue is full: further connections are dropped.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        port = int(server.getsockname()[1])
        full = [socket.socket() for _ in range(4)]
        for each in full:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        try:
            closed = free_port()
            assert dialled(("127.0.0.1", port), ("127.0.0.1", closed), seconds=1) == [Answer.SILENT, Answer.REFUSED]
        finally:
            for each in full:
                each.close()


def test_an_unknown_name_is_reported_as_one() -> None:
    assert dialled(("no-such-name.invalid", 443)) == [Answer.UNKNOWN_NAME]


def test_more_than_one_batch_is_tried() -> None:
    places = [("127.0.0.1", port) for port in range(1, AT_ONCE + 40)]
    answers = dialled(*places)
    assert len(answers) == len(places) and set(answers) <= {Answer.REFUSED, Answer.CONNECTED}


def test_connections_beyond_the_limit_are_reported_as_untried() -> None:
    places = [(f"10.0.{number // 256}.{number % 256}", 1) for number in range(MOST + 2)]
    assert f"10.0.{MOST // 256}.{MOST % 256}/1" not in dial_command(places).text
    found = read_dials("", places)
    assert found is not None
    assert [dial.answer for dial in found[-3:]] == [Answer.SILENT, Answer.UNTRIED, Answer.UNTRIED]


@pytest.mark.parametrize(
    ("output", "answer", "words"),
    [
        ("connected", Answer.CONNECTED, "connected"),
        ("bash: connect: Connection refused bash: line 1: /dev/tcp/h/1: Connection refused", Answer.REFUSED, "refused"),
        ("bash: connect: No route to host bash: /dev/tcp/h/1: No route to host", Answer.PROHIBITED, "No route to host"),
        (
            "bash: connect: Permission denied bash: x: Permission denied",
            Answer.PROHIBITED,
            "Permission denied",
        ),
        ("bash: connect: Network is unreachable bash: x: Network is unreachable", Answer.PROHIBITED, "is unreachable"),
        ("bash: connect: Connection timed out bash: x: Connection timed out", Answer.SILENT, "timed out after 3 s"),
        ("bash: h: Name or service not known bash: x: Invalid argument", Answer.UNKNOWN_NAME, "cannot be resolved"),
        ("by-icmp", Answer.PROHIBITED, "rejected by a firewall"),
    ],
)
def test_the_shells_messages_are_understood(output: str, answer: Answer, words: str) -> None:
    (dial,) = read_dials(f"h/1 {output}\n", [("h", 1)]) or ()
    assert dial.answer is answer and words in dial.describe()
    assert dial.answer.through is (answer in (Answer.CONNECTED, Answer.REFUSED))


def test_a_shell_without_network_support_gives_no_result() -> None:
    assert read_dials("no-bash\n", [("h", 1)]) is None
    assert read_dials("h/1 bash: /dev/tcp/h/1: No such file or directory\n", [("h", 1)]) is None
    assert read_dials("", [("h", 1)]) == (Dial("h", 1, Answer.SILENT),)
