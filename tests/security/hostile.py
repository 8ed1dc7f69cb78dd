"""A hostile machine: an SSH server in this process whose output and behavior a test chooses."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from clusters.config.secret import Secret
from clusters.remote.auth.host_keys import pinned_key
from clusters.remote.ssh import SshHost
from clusters.remote.target import Target
from tests.known_keys import InMemoryKeys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

KEY = paramiko.ECDSAKey.generate()


class HostileMachine(paramiko.ServerInterface):
    """Lets everybody in and runs every command in this machine's shell, after `alter` has changed it.

    `starts` is called in the server's thread when a command is to be started, and may hold up the answer.
    """

    def __init__(self, alter: Callable[[str], str] = str, starts: Callable[[], None] = lambda: None) -> None:
        self._alter = alter
        self._starts = starts
        self.running: list[subprocess.Popen[bytes]] = []
        self._threads: list[threading.Thread] = []

    def get_allowed_auths(self, username: str) -> str:
        """A password, whichever it is."""
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        """Yes."""
        return AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        """Yes."""
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        """Yes, but perhaps not at once."""
        self._starts()
        self._start(self._run, channel, command.decode())
        return True

    def _start(self, act: Callable[..., None], *args: object) -> threading.Thread:
        thread = threading.Thread(target=act, args=args, daemon=True)
        thread.start()
        self._threads.append(thread)
        return thread

    def _run(self, channel: paramiko.Channel, command: str) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._carry_out(channel, command)

    def _carry_out(self, channel: paramiko.Channel, command: str) -> None:
        line = self._alter(command.replace("id -u", "echo 0"))
        process = subprocess.Popen(
            ["/bin/sh", "-c", line],
            # As sshd sets it; commands for a login shell that is not known are sent in octal, which nobody can alter.
            env=os.environ | {"SHELL": "/bin/sh"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.running.append(process)
        self._start(self._feed, channel, process)
        errors = self._start(_forward, process.stderr, channel.sendall_stderr)
        _forward(process.stdout, channel.sendall)
        errors.join()
        if (code := process.wait()) >= 0:
            channel.send_exit_status(code)
        channel.close()

    def _feed(self, channel: paramiko.Channel, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        with contextlib.suppress(OSError), process.stdin as into:
            while data := channel.recv(1 << 18):
                into.write(self._alter(data.decode("utf-8", "replace")).encode())
                into.flush()

    def end(self) -> None:
        """End what still runs."""
        for process in self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for thread in self._threads:
            thread.join(5)


def _forward(stream: IO[bytes] | None, send: Callable[[bytes], object]) -> None:
    assert isinstance(stream, BufferedReader)
    with stream, contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        while data := stream.read1(1 << 15):
            send(data)


@contextmanager
def machine(
    alter: Callable[[str], str] = str,
    starts: Callable[[], None] = lambda: None,
    started: Callable[[paramiko.Transport], None] = lambda transport: None,
) -> Iterator[SshHost]:
    """Such a machine, reached as any other one is."""
    server = HostileMachine(alter, starts)
    transports: list[paramiko.Transport] = []

    def talk(connection: socket.socket) -> None:
        transport = paramiko.Transport(connection)
        transport.add_server_key(KEY)
        transports.append(transport)
        started(transport)
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            transport.start_server(server=server)

    with listening(talk) as port:
        known = InMemoryKeys()
        known.pin("127.0.0.1", port, pinned_key(KEY))
        host = SshHost(Target("node1", "127.0.0.1", port, password=Secret("x"), timeout=5.0), known)
        try:
            yield host
        finally:
            host.close()
            for transport in transports:
                transport.close()
            server.end()


@contextmanager
def listening(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port on loopback that passes each connection to `talk` in a separate thread."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


class Memory:
    """How much more memory this process has had since the beginning of the block than at it, in megabytes."""

    def __enter__(self) -> Memory:
        self._before = self._most = _resident()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        self._began = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.monotonic() - self._began
        self._over.set()
        self._thread.join()
        self.grown = (self._most - self._before) / 1e6

    def _watch(self) -> None:
        while not self._over.wait(0.01):
            self._most = max(self._most, _resident())


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
