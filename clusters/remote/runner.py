"""Fabric's runner without its traps: large reads, no re-joined output, and a wait that can be ended."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import paramiko
from fabric.runners import Remote

from clusters.remote.errors import SessionsExhausted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fabric import Connection

    from clusters.remote.output import Tap

log = logging.getLogger(__name__)

# How often a running command looks whether it should stop, in seconds.
LOOK_EVERY = 0.05
# A command has ended but something it left in the background holds its streams: how long to
# listen on after the last byte, in seconds.
LINGER = 1.0
# How long to wait for a session when the machine has none to spare, in seconds.
WAIT_FOR_SESSION = 20.0

# How long sudo may think about a password before what comes after it is held back for good, in seconds.
WAIT_FOR_START = 60.0


class NotStarted(Exception):
    """The connection was dead before the command was sent, so nothing can have run."""


@dataclass(slots=True)
class Errand:
    """One command on its way: what is sent to it, where its output goes, when to stop.

    `opening` is sent at once (the sudo password), `payload` after it, once the command has started.
    `make_room` is called when the machine has no session to spare.
    `stop` is asked again and again and gives the exception to end with; `end` ends the remote processes.
    """

    line: str
    out: Tap
    err: Tap
    stop: Callable[[], Exception | None]
    end: Callable[[str], None]
    opening: bytes = field(default=b"", repr=False)
    payload: Iterable[bytes] | None = None
    make_room: Callable[[], None] = lambda: None
    send_error: Exception | None = field(default=None, init=False)


class TappedRemote(Remote):  # type: ignore[misc]
    """A Fabric runner for one Errand; `run()` returns when the command and its streams have ended."""

    read_chunk_size = 32 * 1024

    def __init__(self, connection: Connection, errand: Errand) -> None:
        super().__init__(connection, inline_env=False)
        self.errand = errand

    def start(self, command: str, shell: str, env: dict[str, Any], timeout: int | None = None) -> None:
        """Open the session, start the command, begin to send its input."""
        self.channel = self._open_session()
        self.channel.exec_command(command)
        threading.Thread(target=self._send, name="ssh-input", daemon=True).start()

    def _open_session(self) -> paramiko.Channel:
        """A session; when others have used them all up, wait a little for one."""
        give_up = time.monotonic() + WAIT_FOR_SESSION
        while True:
            try:
                session: paramiko.Channel = self.context.create_session()
                return session
            except (paramiko.SSHException, EOFError, OSError) as error:
                if not self.context.is_connected:
                    raise NotStarted(str(error)) from error
                # A refusal; paramiko mixes its reasons up when several are refused at the same time.
                refusal = error
                self.errand.make_room()
            stopped = self.errand.stop()
            if stopped:
                raise stopped
            if time.monotonic() > give_up:
                raise SessionsExhausted(
                    f"The machine refuses a further session on this connection: {refusal}.",
                    hint="Raise MaxSessions in its sshd_config (10 is the default, 3 are needed).",
                ) from refusal
            time.sleep(LOOK_EVERY)

    def _handle_output(self, buffer_: list[str], hide: bool, output: Tap, reader: Callable[[int], bytes]) -> None:
        while data := reader(self.read_chunk_size):
            output.feed(data)
        output.finish()

    def wait(self) -> None:
        """Wait for the exit code; when asked to stop, end the remote processes first."""
        while not self.channel.status_event.wait(LOOK_EVERY):
            stopped = self.errand.stop()
            if stopped or self.has_dead_threads:
                self.errand.end(self.errand.out.word)
                self.channel.close()
                if stopped:
                    raise stopped
                return
        self._drain()

    def _drain(self) -> None:
        """Read to the end of the streams, but not for ever when a background child holds them."""
        heard, since = -1, time.monotonic()
        while any(thread.is_alive() for thread in self.threads.values()):
            for thread in self.threads.values():
                thread.join(LOOK_EVERY)
            total = self.errand.out.fed + self.errand.err.fed
            if total != heard:
                heard, since = total, time.monotonic()
            elif time.monotonic() - since > LINGER:
                self.channel.close()
                return

    def _send(self) -> None:
        try:
            if self.errand.opening:
                self.channel.sendall(self.errand.opening)
            if self.errand.payload is not None and self._may_send_payload():
                for chunk in self._chunks():
                    self.channel.sendall(chunk)
            self.channel.shutdown_write()
        except (OSError, EOFError, paramiko.SSHException) as error:
            # The command ended without reading all of its input; its exit code says whether that is bad.
            log.debug("input not read to its end: %s", error)

    def _chunks(self) -> Iterable[bytes]:
        try:
            yield from self.errand.payload or ()
        except OSError as error:
            self.errand.send_error = error

    def _may_send_payload(self) -> bool:
        """With a password before it, the payload waits until the command itself is reading."""
        give_up = time.monotonic() + WAIT_FOR_START
        while self.errand.opening and not self.errand.out.started.wait(LOOK_EVERY):
            # A sudo that does not like the password waits for another one, and ends with the input.
            if time.monotonic() > give_up or self.channel.closed or self.channel.exit_status_ready():
                return False
        return True


def run_errand(connection: Connection, errand: Errand) -> int:
    """Run it and give the exit code, -1 when the session ended without one. Raises what invoke and paramiko raise."""
    runner = TappedRemote(connection, errand)
    result = runner.run(
        errand.line,
        out_stream=errand.out,
        err_stream=errand.err,
        in_stream=False,
        warn=True,
        hide=False,
        pty=False,
        echo=False,
        env={},
        replace_env=True,
        encoding="utf-8",
    )
    return int(result.exited)
