"""One command in one session of Fabric's connection: large reads, no re-joined output, a wait that can be stopped."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import paramiko

from clusters.remote.errors import SessionsExhausted
from clusters.remote.session.bell import Bell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fabric import Connection

    from clusters.remote.session.output import Tap

log = logging.getLogger(__name__)

# Seconds between two checks whether a running command should stop.
LOOK_EVERY = 0.05
# Seconds. A command has ended, but a process that it left in the background holds its streams: how long to read on
# after the last byte. On a busy machine the last output comes that much later than the exit code.
LINGER = 5.0
# Seconds to wait until a command reports its process group; it cannot be stopped before.
WAIT_FOR_GROUP = 30.0
# Seconds after which reading ends for good: a background process may print endlessly.
LONGEST_LINGER = 60.0
# Seconds after which a machine that reads nothing of what is sent to it (a password, a command) is given up.
SEND_TIMEOUT = 60.0
# Seconds to wait for a session when the machine has none left.
WAIT_FOR_SESSION = 20.0
# Seconds that sudo may take to check a password; after that, the input behind it is never sent.
WAIT_FOR_START = 60.0
# Seconds that a machine may take to accept or refuse a command.
WAIT_FOR_EXEC = 60.0
# ... and how long if the command should stop anyway.
WAIT_FOR_ANSWER = 5.0
_CHANNEL_REQUEST = bytes([98])  # RFC 4254, 5.4
# Bytes in one read, and reads between two checks whether to stop.
CHUNK = 32 * 1024
CHUNKS_AT_ONCE = 16


class NotStarted(Exception):
    """The connection was dead before the command was sent, so the command cannot have run."""


@dataclass(slots=True)
class Errand:
    """One command: what is sent to it, where its output goes, when to stop.

    `opening` is sent at once (the sudo password), `payload` after it, once the command has started.
    `stop` is called repeatedly and returns the exception to end with; `end` ends the remote processes, None leaves
    them alone. `make_room` is called when the machine refuses a session.
    """

    line: str = field(repr=False)
    out: Tap
    err: Tap
    stop: Callable[[], Exception | None]
    end: Callable[[str], None] | None
    make_room: Callable[[], None]
    opening: bytes = field(default=b"", repr=False)
    payload: Iterable[bytes] | None = field(default=None, repr=False)
    send_error: Exception | None = field(default=None, init=False)
    cut: bool = field(default=False, init=False)
    """Whether reading stopped before its streams had ended."""


class _Session:
    """One command in its session, read by the calling thread: no other threads to start and to wake."""

    def __init__(self, channel: paramiko.Channel, errand: Errand) -> None:
        self.channel = channel
        self._errand = errand
        self._bell = Bell()
        channel.in_buffer.set_event(self._bell)
        channel.in_stderr_buffer.set_event(self._bell)

    def begin(self) -> None:
        """Start the command, and begin to send its input."""
        start_command(self.channel, self._errand.line, self._errand.stop)
        if self._errand.payload is None:
            self.channel.settimeout(SEND_TIMEOUT)
            self._send()
        else:
            threading.Thread(target=self._send, name="ssh-input", daemon=True).start()

    def follow(self) -> Exception | None:
        """Read to the end of the command and its streams; returns the exception if it must stop earlier."""
        last_data = ended = 0.0
        while not self._read():
            now = time.monotonic()
            if self.channel.exit_status_ready():
                # A process that it left in the background may hold the streams forever.
                last_data = now if self._moved or not last_data else last_data
                ended = ended or now
                if now - last_data > LINGER or now - ended > LONGEST_LINGER:
                    self._errand.cut = True
                    return None
            elif stopped := self._errand.stop():
                return stopped
            self._bell.wait(LOOK_EVERY)
        while not self.channel.status_event.wait(LOOK_EVERY):
            if stopped := self._errand.stop():
                return stopped
        return None

    def end(self) -> None:
        """End the remote processes; their output is still read meanwhile."""
        errand = self._errand
        if errand.end is None or not self.wait_for_group():
            return
        ending = threading.Thread(target=errand.end, args=(errand.out.word,), name="ssh-end", daemon=True)
        ending.start()
        while ending.is_alive():
            self._read()
            ending.join(LOOK_EVERY)
        self._read()

    def wait_for_group(self) -> bool:
        """Wait until the command reports its process group, or the time is up; false if its session ended first."""
        started, give_up = self._errand.out.started, time.monotonic() + WAIT_FOR_GROUP
        while not started.is_set() and time.monotonic() < give_up:
            if self._read():
                return started.is_set()
            self._bell.wait(LOOK_EVERY)
        return True

    def _read(self) -> bool:
        """Pass on what has arrived, with a limit; returns whether both streams have ended."""
        self._bell.quiet()
        channel, errand = self.channel, self._errand
        # Checked first: what comes before the end is read below in any case.
        over = bool(channel.eof_received or channel.closed)
        self._moved = False
        for _ in range(CHUNKS_AT_ONCE):
            out, err = channel.recv_ready(), channel.recv_stderr_ready()
            if not out and not err:
                return over
            self._moved = True
            if out:
                errand.out.feed(channel.recv(CHUNK))
            if err:
                errand.err.feed(channel.recv_stderr(CHUNK))
        self._bell.set()
        return False

    def _send(self) -> None:
        errand = self._errand
        try:
            if errand.opening:
                self.channel.sendall(errand.opening)
            if errand.payload is not None and self._may_send_payload():
                for chunk in self._chunks():
                    self.channel.sendall(chunk)
            self.channel.shutdown_write()
        except (OSError, EOFError, paramiko.SSHException) as error:
            # The command ended without reading all of its input; its exit code shows whether that matters.
            log.debug("input not read to its end: %s", error)

    def _chunks(self) -> Iterable[bytes]:
        try:
            yield from self._errand.payload or ()
        except OSError as error:
            self._errand.send_error = error

    def _may_send_payload(self) -> bool:
        """After a password, the payload waits until the command itself reads."""
        give_up = time.monotonic() + WAIT_FOR_START
        while self._errand.opening and not self._errand.out.started.wait(LOOK_EVERY):
            # A sudo that refuses the password waits for another one; it ends with its input.
            if time.monotonic() > give_up or self.channel.closed or self.channel.exit_status_ready():
                return False
        return True


def start_command(channel: paramiko.Channel, line: str, stop: Callable[[], Exception | None]) -> None:
    """Start the command. paramiko's own method would wait for the answer without a limit.

    A request to stop waits a little for the answer, too: otherwise a command that did start could not be ended.
    Raises what paramiko raises where the machine refuses, and what `stop` returns.
    """
    request = paramiko.Message()
    request.add_byte(_CHANNEL_REQUEST)
    request.add_int(channel.remote_chanid)
    request.add_string("exec")
    request.add_boolean(True)
    request.add_string(line)
    channel._event_pending()  # type: ignore[attr-defined]
    transport: Any = channel.transport
    transport._send_user_message(request)
    give_up = time.monotonic() + WAIT_FOR_EXEC
    stopped: Exception | None = None
    while not channel.event.wait(LOOK_EVERY):
        if stopped is None and (stopped := stop()) is not None:
            give_up = min(give_up, time.monotonic() + WAIT_FOR_ANSWER)
        if time.monotonic() > give_up:
            raise stopped or paramiko.SSHException(f"no answer within {WAIT_FOR_EXEC:g} s")
    channel._wait_for_event()  # type: ignore[attr-defined]


def run_errand(connection: Connection, errand: Errand) -> int:
    """Run it and return the exit code, -1 when the session ended without one.

    Raises what paramiko raises, what `errand.stop` returns, and what the taps' callbacks raise; in the last two cases
    the remote processes have been ended.
    """
    session = _Session(_open_session(connection, errand), errand)
    try:
        session.begin()
        try:
            stopped = session.follow()
        except BaseException:
            # A callback failed. That may be for a line of stderr, before stdout has reported the process group.
            with suppress(Exception):
                session.wait_for_group()
            if errand.end is not None:
                errand.end(errand.out.word)
            raise
        if stopped is not None:
            session.end()
            raise stopped
        return session.channel.exit_status
    finally:
        session.channel.close()
        errand.out.finish()
        errand.err.finish()


def _open_session(connection: Connection, errand: Errand) -> paramiko.Channel:
    """A session; when all are in use, wait a little for one."""
    give_up = time.monotonic() + WAIT_FOR_SESSION
    while True:
        try:
            session: paramiko.Channel = connection.create_session()
            return session
        except (paramiko.SSHException, EOFError, OSError) as error:
            if not connection.is_connected:
                raise NotStarted(str(error)) from error
            # A refusal; paramiko confuses the reasons when several are refused at the same time.
            refusal = error
        errand.make_room()
        stopped = errand.stop()
        if stopped:
            raise stopped
        if time.monotonic() > give_up:
            raise SessionsExhausted(
                f"The machine refuses another session on this connection: {refusal}.",
                hint="Raise MaxSessions in its sshd_config (the default is 10; at least 3 are required).",
            ) from refusal
        time.sleep(LOOK_EVERY)
