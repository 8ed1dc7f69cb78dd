"""Standing shells: root shells that stay open on a connection, so that not every check goes through sudo.

sudo hashes the password again for every command, which takes a machine longer than the check itself: a run that
changes nothing spent most of its time there. Only checks, small files and commands marked as suitable
(`shared`) go through these shells; other commands get a separate session, because of what they may leave running.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import secrets
import shlex
import threading
import time
from typing import TYPE_CHECKING

import paramiko

from clusters.numbers import whole_number
from clusters.remote.session.bell import Bell
from clusters.remote.session.envelope import Marks, with_prologue, wrap
from clusters.remote.session.output import Capture, Framed, Tap
from clusters.remote.session.perform import OutOfTime, Performed, Way, end_group, stopper, taps_for
from clusters.remote.session.runner import (
    CHUNKS_AT_ONCE,
    LINGER,
    LOOK_EVERY,
    SEND_TIMEOUT,
    WAIT_FOR_GROUP,
    start_command,
)
from clusters.remote.shell import Command

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.remote.connection.link import Link
    from clusters.remote.session.perform import Keep, Limits

log = logging.getLogger(__name__)

# Shells on one connection: as many as the steps that check a machine at the same time, and one spare.
MOST = 4
# Seconds. sudo asks PAM, which may ask a directory server; longer than this is a hang.
START_TIMEOUT = 60.0
READ = 32 * 1024

_TROUBLE = (paramiko.SSHException, EOFError, OSError)


class Gone(Exception):
    """The shell has ended, or its connection."""


class StandingShell:
    """A root shell that reads and runs one command at a time."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        channel.settimeout(SEND_TIMEOUT)
        self.last_group = ""
        """The process group of its last command."""
        # Not the channel's own file descriptors: with four shells on each of many machines they would run out.
        self._bell = Bell()
        channel.in_buffer.set_event(self._bell)
        channel.in_stderr_buffer.set_event(self._bell)

    def send(self, data: bytes) -> None:
        """Send it input. Raises Gone."""
        try:
            self._channel.sendall(data)
        except _TROUBLE as error:
            raise Gone from error

    def listen(self, out: Tap | Framed, err: Tap | Framed, over: Callable[[], bool]) -> None:
        """Pass on its output until `over` returns true. Raises Gone, and whatever `over` raises."""
        channel = self._channel
        last_data = time.monotonic()
        while True:
            self._bell.quiet()
            ended = channel.closed or channel.eof_received
            # A process left running may hold the streams of a shell that has ended.
            ended = ended or (channel.exit_status_ready() and time.monotonic() - last_data > LINGER)
            if channel.recv_ready() or channel.recv_stderr_ready():
                last_data = time.monotonic()
            more = self._read(out, err)
            if over():
                return
            if ended and not more:
                raise Gone
            if not more:
                self._bell.wait(LOOK_EVERY)

    def _read(self, out: Tap | Framed, err: Tap | Framed) -> bool:
        """Pass on what has arrived, with a limit; returns whether there may be more."""
        channel = self._channel
        for _ in range(CHUNKS_AT_ONCE):
            if channel.recv_ready():
                out.feed(channel.recv(READ))
            elif channel.recv_stderr_ready():
                err.feed(channel.recv_stderr(READ))
            else:
                return False
        return True

    def wait_for_group(self, out: Framed, err: Framed) -> bool:
        """Wait until the command reports its process group, or the time is up; false if the shell ended first."""
        started, give_up = out.tap.started, time.monotonic() + WAIT_FOR_GROUP
        while not started.is_set():
            try:
                self.listen(out, err, lambda: started.is_set() or time.monotonic() > give_up)
                break
            except Gone:
                return started.is_set()
            except Exception as error:  # noqa: BLE001 - a callback failed again; its first error is raised already
                log.debug("%s", error)
        return True

    def close(self) -> None:
        """End it: the shell exits at the end of its input."""
        with contextlib.suppress(*_TROUBLE):
            self._channel.close()


class StandingShells:
    """The standing shells of one connection. A caller has a shell from `take` until it gives it back or drops it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[StandingShell] = []
        self._count = 0
        self._most = MOST

    def take(self, link: Link, way: Way) -> StandingShell | None:
        """An idle shell, or a new one; None where all are busy, or this connection cannot have one."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
            if self._count >= self._most or not link.slots.acquire(blocking=False):
                return None
            self._count += 1
        try:
            return _open(link, way)
        except (*_TROUBLE, Gone) as error:
            log.debug("no standing shell: %s", error)
            self._forget(link)
            self.make_room(link)
            return None

    def give_back(self, link: Link, shell: StandingShell) -> None:
        """Return a shell that can be used again."""
        with self._lock:
            if self._count <= self._most:
                self._idle.append(shell)
                return
        self.drop(link, shell)

    def drop(self, link: Link, shell: StandingShell) -> None:
        """Close a shell that cannot be used again."""
        shell.close()
        self._forget(link)

    def make_room(self, link: Link) -> None:
        """This machine has few sessions: from now on use no standing shells on this connection."""
        with self._lock:
            self._most = 0
            idle, self._idle = self._idle, []
        for shell in idle:
            self.drop(link, shell)

    def _forget(self, link: Link) -> None:
        with self._lock:
            self._count -= 1
        link.slots.release()


def run_in_root_shell(
    link: Link,
    name: str,
    command: Command,
    way: Way,
    *,
    limits: Limits,
    keep: Keep,
    small: bytes | None = None,
    on_line: Callable[[str, str], None] | None = None,
) -> Performed | None:
    """Run a command in a standing shell; None when no shell was available, so that nothing ran.

    Its input is `small`, sent in Base64, or nothing. Raises Cancelled (after ending the remote process group),
    ConnectionLost, CommandTooLong, TooMuch, and whatever `on_line` raises.
    """
    mark, end = f"slipway-{secrets.token_hex(8)}", f"slipway-{secrets.token_hex(8)}"
    request, stop = _request(command, mark, end, small), stopper(name, limits)
    shell = link.shells.take(link, way)
    if shell is None:
        return None
    group = whole_number(shell.last_group)
    if group is not None:
        # A process left by the previous command may print: then the shell exits, and this command gets its own session.
        request = f"kill -0 -{group} 2>/dev/null && exit\n".encode() + request
    taps = taps_for(mark.encode(), keep, on_line)
    out, err = (Framed(tap, end.encode()) for tap in taps)
    began = time.monotonic()

    def over() -> bool:
        if out.over and err.over:
            return True
        if stopped := stop():
            raise stopped
        return False

    try:
        shell.send(request)
        shell.listen(out, err, over)
    except Gone:
        link.shells.drop(link, shell)
        if link.dead_soon():
            raise link.lost(name, " while a command ran") from None
        return Performed(-1, out.tap, err.tap, time.monotonic() - began) if out.tap.started.is_set() else None
    except BaseException as stopped:
        if shell.wait_for_group(out, err):
            end_group(link, name, way, out.tap.word)
        link.shells.drop(link, shell)
        if isinstance(stopped, OutOfTime):
            seconds = time.monotonic() - began
            return Performed(-1, out.tap, err.tap, seconds, timed_out=True, allowed=stopped.allowed)
        raise
    shell.last_group = out.tap.word
    link.shells.give_back(link, shell)
    return Performed(out.code, out.tap, err.tap, time.monotonic() - began)


def _request(command: Command, mark: str, end: str, small: bytes | None) -> bytes:
    """The input of a standing shell for one command: the command in a separate session, then a report of its end."""
    text = with_prologue(command, Marks(start=mark, guard=""), with_input=small is not None)
    head, tail = end[:4], end[4:]
    report = f"printf '{head}%s %s\\n' {tail} $slipway_code"
    source = "</dev/null" if small is None else f"<<'{end}'"
    line = f"setsid /bin/sh -c {shlex.quote(text)} {source}; slipway_code=$?; {report}; {report} >&2\n"
    # As a here-document it is not on a command line, where other users could read it.
    document = b"" if small is None else base64.encodebytes(small) + end.encode() + b"\n"
    return line.encode("utf-8", "surrogateescape") + document


def _open(link: Link, way: Way) -> StandingShell:
    """A new shell that has reported its start. Raises Gone, or what paramiko raises where no session is left."""
    marks = Marks(start=f"slipway-{secrets.token_hex(8)}", guard=secrets.token_hex(16))
    channel = link.connection.create_session()
    shell = StandingShell(channel)
    try:
        line = wrap(Command("exec /bin/sh -s"), marks, become=way.become, with_input=True, octal=way.octal)
        deadline = time.monotonic() + START_TIMEOUT
        start_command(channel, line, lambda: Gone() if time.monotonic() > deadline else None)
        if way.opening:
            shell.send(way.opening)
        out, err = (Tap(marks.start.encode(), Capture()) for _ in range(2))

        def over() -> bool:
            if time.monotonic() > deadline:
                raise Gone
            return out.started.is_set() and err.started.is_set()

        shell.listen(out, err, over)
        if way.opening:
            # Only now: if sudo did not read the password, the shell did, and must end instead of reading on.
            shell.send(marks.guard.encode() + b"\n")
    except BaseException:
        shell.close()
        raise
    return shell
