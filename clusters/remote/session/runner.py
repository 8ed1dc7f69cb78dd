"""One command in one session of Fabric's connection: large reads, no re-joined output, a wait that can be ended."""

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

# How often a running command looks whether it should stop, in seconds.
LOOK_EVERY = 0.05
# A command has ended but something it left in the background holds its streams: how long to listen on after the
# last byte, in seconds. On a busy machine the last output comes that much later than the exit code.
LINGER = 5.0
# A command cannot be stopped before it reports its process group: how long to wait for that report, in seconds.
WAIT_FOR_GROUP = 30.0
# What it left in the background may print without an end: after so many seconds nobody listens any more.
LONGEST_LINGER = 60.0
# A machine that takes none of what is sent to it (a password, a command) is given up after so many seconds.
SEND_TIMEOUT = 60.0
# How long to wait for a session when the machine has none to spare, in seconds.
WAIT_FOR_SESSION = 20.0
# How long sudo may think about a password before what comes after it is held back for good, in seconds.
WAIT_FOR_START = 60.0
# How long a machine may think about whether it runs a command at all, in seconds.
WAIT_FOR_EXEC = 60.0
# ... and how long when it is to be stopped anyway.
WAIT_FOR_ANSWER = 5.0
_CHANNEL_REQUEST = bytes([98])  # RFC 4254, 5.4
# Read at once, in bytes, and so often between two looks whether to stop.
CHUNK = 32 * 1024
CHUNKS_AT_ONCE = 16


class NotStarted(Exception):
    """The connection was dead before the command was sent, so nothing can have run."""


@dataclass(slots=True)
class Errand:
    """One command on its way: what is sent to it, where its output goes, when to stop.

    `opening` is sent at once (the sudo password), `payload` after it, once the command has started.
    `stop` is asked again and again and gives the exception to end with; `end` ends the remote processes, and where it
    is None they are left alone. `make_room` is called when the machine refuses a session.
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
    """Whether its streams had not ended when it was no longer listened to."""


class _Session:
    """One command in its session, read by the thread that asked for it: no further threads to start and to wake."""

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
        """Read to the end of the command and its streams; gives why it has to stop when it has to stop before."""
        heard = ended = 0.0
        while not self._read():
            now = time.monotonic()
            if self.channel.exit_status_ready():
                # What it left in the background may hold the streams for ever.
                heard = now if self._moved or not heard else heard
                ended = ended or now
                if now - heard > LINGER or now - ended > LONGEST_LINGER:
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
        """End the remote processes; what they say meanwhile is still read."""
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
        """Hand on what is there, but not without an end; says whether both streams have ended."""
        self._bell.quiet()
        channel, errand = self.channel, self._errand
        # Looked at first: what comes before the end is read below in any case.
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
            # The command ended without reading all of its input; its exit code says whether that is bad.
            log.debug("input not read to its end: %s", error)

    def _chunks(self) -> Iterable[bytes]:
        try:
            yield from self._errand.payload or ()
        except OSError as error:
            self._errand.send_error = error

    def _may_send_payload(self) -> bool:
        """With a password before it, the payload waits until the command itself is reading."""
        give_up = time.monotonic() + WAIT_FOR_START
        while self._errand.opening and not self._errand.out.started.wait(LOOK_EVERY):
            # A sudo that does not like the password waits for another one; it ends with its input.
            if time.monotonic() > give_up or self.channel.closed or self.channel.exit_status_ready():
                return False
        return True


def start_command(channel: paramiko.Channel, line: str, stop: Callable[[], Exception | None]) -> None:
    """Have the command started. What paramiko has for this waits for an answer without an end.

    A wish to stop waits a little for the answer, too: what has started has to be ended, and nobody could say what.
    Raises what paramiko raises where the machine refuses, and what `stop` gives.
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
    """Run it and give the exit code, -1 when the session ended without one.

    Raises what paramiko raises, what `errand.stop` gives, and what the taps' callbacks raise; in the last two cases
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
    """A session; when others have used them all up, wait a little for one."""
    give_up = time.monotonic() + WAIT_FOR_SESSION
    while True:
        try:
            session: paramiko.Channel = connection.create_session()
            return session
        except (paramiko.SSHException, EOFError, OSError) as error:
            if not connection.is_connected:
                raise NotStarted(str(error)) from error
            # A refusal; paramiko mixes its reasons up when several are refused at the same time.
            refusal = error
        errand.make_room()
        stopped = errand.stop()
        if stopped:
            raise stopped
        if time.monotonic() > give_up:
            raise SessionsExhausted(
                f"The machine refuses a further session on this connection: {refusal}.",
                hint="Raise MaxSessions in its sshd_config (10 is the default, 3 are needed).",
            ) from refusal
        time.sleep(LOOK_EVERY)
