"""perform(): one command over one connection, from the wrapped text to its exit code."""

from __future__ import annotations

import logging
import math
import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import paramiko

from clusters.errors import Cancelled, InstallerError
from clusters.numbers import whole_number
from clusters.remote.errors import ShellUnusable
from clusters.remote.session.envelope import Become, Frame, Marks, wrap
from clusters.remote.session.output import KEPT_BYTES, Capture, Lines, Tap
from clusters.remote.session.runner import Errand, NotStarted, run_errand
from clusters.remote.shell import sh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from clusters.config.secret import Secret
    from clusters.remote.connection.link import Link
    from clusters.remote.host import Cancel
    from clusters.remote.shell import Command

log = logging.getLogger(__name__)

# Seconds between SIGTERM and SIGKILL for a process group.
GRACE = 30.0
# The script that ends a process group may take this many times GRACE; after that the group is killed directly.
GRACES = 3

# pkill also reaches groups that the command's own shells created in its session. Without pkill, `kill -TERM -N` (no
# `--`) is the one spelling that dash, bash and busybox share. Never both: a process that cleans up would get the
# signal twice. kill still counts zombies (state Z), so the remaining processes are read from /proc: after the
# name come state, parent, group, session. The loop measures seconds, since each check is slow on a busy machine.
# Uptime cannot be set, unlike the clock. It has whole seconds, so the grace may be one second longer.
_END = """exec 2>/dev/null
end() {{ pkill -$1 -s {0} || kill -$1 -{0}; }}
left() {{
  for stat in /proc/[0-9]*/stat; do
    read -r line <"$stat" || continue
    set -- ${{line##*) }}
    [ "$1" != Z ] && {{ [ "$3" = {0} ] || [ "$4" = {0} ]; }} && return 0
  done
  return 1
}}
clock() {{ read -r now _ </proc/uptime; now=${{now%%.*}}; }}
end TERM; n=0; clock; until=$((now+{1}))
while left && clock && [ "$now" -le $until ]; do
  if [ $n -lt 20 ]; then sleep 0.05; else sleep 0.5; fi
  n=$((n+1))
done
end KILL; exit 0
"""
# The group first, which is quick; pkill then reads the session of every process on the machine.
_KILL = "exec 2>/dev/null; kill -KILL -{0}; pkill -KILL -s {0}; exit 0"


class OutOfTime(Exception):
    """The command was stopped because its time was up; it had `allowed` seconds."""

    def __init__(self, allowed: float) -> None:
        super().__init__()
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Way:
    """How commands are run on this connection: as which user, and with which quoting."""

    become: Become = Become.NOBODY_ELSE
    password: Secret | None = None
    octal: bool = False
    frame: Frame = Frame.GROUPED

    @property
    def opening(self) -> bytes:
        """The input that sudo reads before the command."""
        if self.become is not Become.BY_PASSWORD or self.password is None:
            return b""
        return self.password.reveal().encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop. `timeout` is in seconds; when it is over, `more` returns how many were granted beyond it."""

    timeout: float | None = None
    cancel: Cancel | None = None
    more: Callable[[], float] | None = None


@dataclass(frozen=True, slots=True)
class Keep:
    """How much standard output a result holds: `most` bytes of start and end each; with `whole` all, or an error."""

    most: int = KEPT_BYTES
    whole: bool = False


KEEP = Keep()


@dataclass(frozen=True, slots=True)
class Performed:
    """How a command ended. `started` is false when the wrapped command itself never ran."""

    exit_code: int
    out: Tap
    err: Tap
    seconds: float
    timed_out: bool = False
    allowed: float = 0.0
    """The seconds it had, if it timed out."""
    stray: bool = False
    """Whether it did not run because sudo left the password in its input."""

    @property
    def started(self) -> bool:
        """Whether the command itself was reached."""
        return self.out.started.is_set()


def perform(
    link: Link,
    name: str,
    command: Command,
    way: Way,
    *,
    limits: Limits | None = None,
    payload: Callable[[], Iterable[bytes]] | None = None,
    keep: Keep = KEEP,
    on_line: Callable[[str, str], None] | None = None,
    may_stay: bool = False,
) -> Performed:
    """Run one command and wait for it. With `may_stay` it continues to run when its time is up.

    Raises Cancelled (after ending the remote process group), ConnectionLost, SessionsExhausted,
    NotStarted, TooMuch, and whatever `on_line` raises.
    """
    limits = limits or Limits()
    marks = Marks(start=f"slipway-{secrets.token_hex(8)}", guard=secrets.token_hex(16))
    out, err = taps_for(marks.start.encode(), keep, on_line)
    errand = Errand(
        line=wrap(command, marks, become=way.become, with_input=payload is not None, octal=way.octal, frame=way.frame),
        out=out,
        err=err,
        stop=stopper(name, limits),
        end=None if may_stay else lambda group: end_group(link, name, way, group),
        opening=way.opening,
        payload=_with_guard(way, marks, payload),
        make_room=lambda: link.shells.make_room(link),
    )
    began = time.monotonic()
    try:
        code = _run(link, name, errand)
    except OutOfTime as over:
        return Performed(-1, out, err, time.monotonic() - began, timed_out=True, allowed=over.allowed)
    stray = code != 0 and bool(way.opening) and marks.stray in err.text()
    return Performed(code, out, err, time.monotonic() - began, stray=stray)


def taps_for(mark: bytes, keep: Keep, on_line: Callable[[str, str], None] | None) -> tuple[Tap, Tap]:
    """Both streams; lines are passed on one at a time although the streams are read at the same time."""
    turn = threading.Lock()

    def lines(stream: str) -> Lines | None:
        if on_line is None:
            return None

        def pass_on(line: str) -> None:
            with turn:
                on_line(stream, line)

        return Lines(pass_on)

    out = Capture(keep.most, whole=keep.whole)
    return Tap(mark, out, lines("stdout")), Tap(mark, Capture(), lines("stderr"))


def _with_guard(way: Way, marks: Marks, payload: Callable[[], Iterable[bytes]] | None) -> Iterable[bytes] | None:
    if payload is None or way.become is not Become.BY_PASSWORD:
        return payload() if payload else None

    def chunks() -> Iterable[bytes]:
        yield marks.guard.encode() + b"\n"
        yield from payload()

    return chunks()


def stopper(name: str, limits: Limits) -> Callable[[], Exception | None]:
    """A function to call repeatedly while a command runs; it returns an exception when the command must stop."""
    began = time.monotonic()
    cancel, timeout, more = limits.cancel, limits.timeout, limits.more

    def stop() -> Exception | None:
        if cancel is not None and cancel.is_requested:
            return Cancelled(f"Stopped on {name}: {cancel.reason or 'a stop was requested'}.")
        if timeout is None or (took := time.monotonic() - began) <= timeout:
            return None
        allowed = timeout + (more() if more is not None else 0.0)
        return OutOfTime(allowed) if took > allowed else None

    return stop


def _run(link: Link, name: str, errand: Errand) -> int:
    try:
        code = run_errand(link.connection, errand)
    except (paramiko.SSHException, EOFError, OSError) as error:
        if link.dead_soon():
            raise link.lost(name, " while a command ran") from error
        raise ShellUnusable(
            f"{name} accepts the login but runs no commands: {str(error) or type(error).__name__}.",
            hint="Check the machine's sshd log. Usual causes: a forced command, or a full process table.",
        ) from error
    if errand.send_error:
        raise errand.send_error
    if errand.cut:
        log.warning("a command on %s has ended, but a background process holds its output: no more is read", name)
    # A session may close a moment before the connection does, so without an exit code check twice.
    if code == -1 and link.dead_soon():
        raise link.lost(name, " while a command ran")
    return code


def end_group(link: Link, name: str, way: Way, group: str) -> None:
    """End the remote processes of a command from a second session: TERM, a grace, KILL."""
    if not link.alive:
        return
    leader = whole_number(group)
    if leader is None:
        log.warning("a command on %s may still run: it was stopped before it reported its process group", name)
        return
    try:
        if _ends(link, name, ending(leader), way, within=GRACES * GRACE):
            return
        log.warning("the processes of group %s on %s did not end in time; they are being killed", group, name)
        if _ends(link, name, sh(_KILL, leader), way, within=GRACES * GRACE):
            return
        log.warning("the processes of group %s on %s may still run: the machine did not end them in time", group, name)
    except (InstallerError, NotStarted) as error:
        log.warning("the processes of group %s on %s may still run: %s", group, name, error)


def ending(leader: int) -> Command:
    """The command that asks a process group to end, waits, and kills it."""
    return sh(_END, leader, math.ceil(GRACE))


def _ends(link: Link, name: str, command: Command, way: Way, *, within: float) -> bool:
    """Run a command that ends a group; false if it takes too long. Then it continues to run, and may still succeed."""
    done = perform(link, name, command, way, limits=Limits(timeout=within), may_stay=True)
    return done.started and not done.timed_out
