"""SshHost: a machine reached through Fabric, over one connection that is reopened after it broke."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from clusters.errors import Cancelled
from clusters.plaintext import plain_text
from clusters.remote.connection.gateways import SHARED
from clusters.remote.connection.link import Link, open_link
from clusters.remote.connection.wire import ASK_AFTER, GIVE_UP_AFTER
from clusters.remote.errors import CommandTimedOut, ShellUnusable
from clusters.remote.host import LARGEST_READ, READ_WITHIN, CommandFailed, Result
from clusters.remote.session.envelope import PLAIN_SHELLS, POSIX_SHELLS, Become, Frame, directly
from clusters.remote.session.files import (
    NO_DECODER,
    chunks_of,
    install_command,
    read_command,
    too_large,
    why_not_read,
    why_not_written,
)
from clusters.remote.session.output import TooMuch
from clusters.remote.session.perform import KEEP, Keep, Limits, Performed, Way, perform
from clusters.remote.session.root_shells import run_in_root_shell
from clusters.remote.session.runner import LOOK_EVERY, NotStarted
from clusters.remote.session.sudo import refusal, way_to_root
from clusters.remote.shell import Command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from clusters.remote.auth.host_keys import KnownKeys
    from clusters.remote.connection.gateways import Gateways
    from clusters.remote.host import Cancel
    from clusters.remote.target import Target

# Seconds for the first command on a connection; a login shell that needs longer than this hangs.
FIRST_COMMAND_TIMEOUT = 60.0
# Seconds for reconnecting to a machine that answered before: people wait for the result.
RECONNECT_TIMEOUT = 20.0
# Files up to this size, in bytes, go through a standing shell; for larger ones the cost of sudo does not matter.
SMALL = 32 * 1024


class _Session:
    """A connection and what is known about the login on it."""

    def __init__(self, link: Link, *, is_root: bool, plain: Way, noise: str) -> None:
        self.link = link
        self.is_root = is_root
        self.plain = plain
        self.noise = noise
        self.root: Way | None = None
        self.finding_root = threading.Lock()


class SshHost:
    """A machine behind SSH. May be used by many threads; connects when first needed.

    All methods raise what `clusters.remote.connection.link.open_link` raises when they have to connect first.
    After `ask_after` seconds of silence the peer is asked for a sign of life; after `give_up_after` seconds the
    connection counts as lost. `gateways` are the connections to jump hosts that it shares.
    """

    def __init__(
        self,
        target: Target,
        known: KnownKeys,
        *,
        ask_after: float = ASK_AFTER,
        give_up_after: float = GIVE_UP_AFTER,
        gateways: Gateways = SHARED,
    ) -> None:
        self.name = target.name
        self._target = target
        self._known = known
        self._gateways = gateways
        self._limits = (ask_after, give_up_after)
        self._current: _Session | None = None
        self._has_answered = False
        self._opening = threading.Lock()

    def connect(self, on_stage: Callable[[str], None] = lambda stage: None) -> str:
        """Open the connection if it is not open; returns what the login shell prints by itself (usually nothing).

        `on_stage` is called with `jump` (behind a jump host), `reach` and `hostkey` when the connection passes them.
        """
        return self._session(on_stage).noise

    def become_root(self) -> Become:
        """Find out how this login becomes root. Raises SudoNotAllowed, SudoPasswordNeeded or SudoPasswordWrong."""
        session = self._session()
        try:
            return self._root(session).become
        except NotStarted as error:
            raise session.link.lost(self.name) from error

    def run(
        self,
        command: Command,
        *,
        sudo: bool = True,
        check: bool = True,
        stdin: bytes | Path | None = None,
        timeout: float | None = None,
        more: Callable[[], float] | None = None,
        on_line: Callable[[str, str], None] | None = None,
        cancel: Cancel | None = None,
        shared: bool = False,
    ) -> Result:
        """Run a command (see `Host.run`). The result holds the first and the last 1 MiB of each stream."""
        payload = None if stdin is None else (lambda: chunks_of(stdin))
        shared = shared or on_line is None
        limits = Limits(timeout, cancel, more)
        sent = directly(command, self._target.direct)
        done = self._perform(sent, limits, sudo=sudo, payload=payload, on_line=on_line, shared=shared)
        result = self._result(command, done)
        if done.timed_out:
            hint = "The last lines of its output show how far it got."
            raise _out_of_time(f"A command on {self.name}", f": {_short(command)}", done, result, hint)
        if check and not result.ok:
            raise CommandFailed(_failure(self.name, result), result=result)
        return result

    def put(
        self,
        content: bytes | Path,
        path: str,
        *,
        mode: int = 0o644,
        owner: str = "root:root",
        timeout: float | None = None,
        more: Callable[[], float] | None = None,
        cancel: Cancel | None = None,
    ) -> None:
        """Write a file as root (see `Host.put`); a Path is a local file, sent in pieces."""
        limits = Limits(timeout, cancel, more)
        if isinstance(content, bytes) and len(content) <= SMALL and self._put_small(content, path, mode, owner, limits):
            return
        size = content.stat().st_size if isinstance(content, Path) else len(content)
        command = install_command(path, size=size, mode=mode, owner=owner)
        done = self._perform(command, limits, sudo=True, payload=lambda: chunks_of(content))
        self._check_written(path, command, done)

    def _check_written(self, path: str, command: Command, done: Performed) -> None:
        result = self._result(command, done)
        if done.timed_out:
            hint = "Is its disk overloaded, or the network slow? No part of the file was left there."
            raise _out_of_time(f"Writing {path} on {self.name}", "", done, result, hint)
        if not result.ok:
            raise why_not_written(self.name, path, result)

    def _put_small(self, content: bytes, path: str, mode: int, owner: str, limits: Limits) -> bool:
        """Write a file through a standing shell; false where that is not possible."""
        command = install_command(path, size=len(content), mode=mode, owner=owner, encoded=True)
        session = self._session()
        try:
            way = self._root(session)
        except NotStarted:
            return False
        done = run_in_root_shell(session.link, self.name, command, way, limits=limits, keep=KEEP, small=content)
        if done is None or not (done.started or done.timed_out) or done.exit_code == NO_DECODER:
            return False
        self._check_written(path, command, done)
        return True

    def get(
        self,
        path: str,
        *,
        most: int = LARGEST_READ,
        timeout: float = READ_WITHIN,
        more: Callable[[], float] | None = None,
        cancel: Cancel | None = None,
    ) -> bytes:
        """Read a file as root, all of it into memory. Raises FileMissing, and FileTooLarge for more than `most` bytes.

        Slipway requests no more than that, and stops reading if the machine sends more anyway.
        """
        command, limits = read_command(path, most), Limits(timeout, cancel, more)
        try:
            done = self._perform(command, limits, sudo=True, keep=Keep(most, whole=True), shared=True)
        except TooMuch as error:
            raise too_large(self.name, path, most) from error
        if done.timed_out:
            raise _out_of_time(f"Reading {path} on {self.name}", "", done, self._result(command, done))
        if done.exit_code:
            raise why_not_read(self.name, path, self._result(command, done))
        return done.out.content()

    def close(self) -> None:
        """Close the connection; may be called twice."""
        with self._opening:
            session, self._current = self._current, None
        if session is not None:
            session.link.close()

    def _session(self, on_stage: Callable[[str], None] = lambda stage: None) -> _Session:
        with self._opening:
            if self._current is not None and not self._current.link.alive:
                self._current.link.close()
                self._current = None
            if self._current is None:
                self._current = self._open(on_stage)
            return self._current

    def _open(self, on_stage: Callable[[str], None]) -> _Session:
        ask_after, give_up_after = self._limits
        target = self._target
        if self._has_answered:
            target = replace(target, timeout=min(RECONNECT_TIMEOUT, target.timeout))
        link = open_link(
            target,
            self._known,
            ask_after=ask_after,
            give_up_after=give_up_after,
            on_stage=on_stage,
            gateways=self._gateways,
        )
        self._has_answered = True
        try:
            return _greet(link, self._target)
        except NotStarted as error:
            lost = link.lost(self.name)
            link.close()
            raise lost from error
        except BaseException:
            link.close()
            raise

    def _root(self, session: _Session) -> Way:
        with session.finding_root:
            if session.root is None:
                session.root = way_to_root(session.link, self._target, is_root=session.is_root, plain=session.plain)
            return session.root

    def _perform(
        self,
        command: Command,
        limits: Limits,
        *,
        sudo: bool,
        payload: Callable[[], Iterable[bytes]] | None = None,
        keep: Keep = KEEP,
        on_line: Callable[[str, str], None] | None = None,
        shared: bool = False,
    ) -> Performed:
        """Run on a live connection; retry once if the command did not start: a dead connection, or sudo now differs."""

        def attempt(session: _Session) -> Performed:
            way = self._root(session) if sudo else session.plain
            if sudo and payload is None and shared:
                done = run_in_root_shell(
                    session.link, self.name, command, way, limits=limits, keep=keep, on_line=on_line
                )
                if done is not None:
                    return done
            with _slot(session.link, self.name, limits):
                return perform(
                    session.link, self.name, command, way, limits=limits, payload=payload, keep=keep, on_line=on_line
                )

        for last_try in (False, True):
            session = self._session()
            try:
                done = attempt(session)
            except NotStarted as error:
                lost = session.link.lost(self.name)
                session.link.close()
                if last_try:
                    raise lost from error
                continue
            if not done.stray:
                break
            session.root = None
        if done.stray or not (done.started or done.timed_out):
            raise self._never_started(done, sudo=sudo and not session.is_root)
        return done

    def _never_started(self, done: Performed, *, sudo: bool) -> Exception:
        if sudo:
            return refusal(self._target, done.err.text())
        return _unusable(self._target, done)

    def _result(self, command: Command, done: Performed) -> Result:
        return Result(
            host=self.name,
            command=command.text,
            exit_code=done.exit_code,
            stdout=done.out.text(),
            stderr=done.err.text(),
            seconds=done.seconds,
        )


def _greet(link: Link, target: Target) -> _Session:
    """The first command: who we are, which shell reads our commands, and whether it leads its process group."""
    command = Command(
        'id -u; echo "${SHELL##*/}"; read -r _ _ _ _ group session _ </proc/$$/stat; echo $$ $group $session'
    )
    # In octal, since it is not known yet whether the login shell quotes as POSIX requires.
    limits = Limits(timeout=FIRST_COMMAND_TIMEOUT)
    done = perform(link, target.name, command, Way(octal=True, frame=Frame.LED), limits=limits)
    answer = done.out.text().split("\n")
    if not done.started or len(answer) < 2 or not answer[0].isdecimal():
        raise _unusable(target, done)
    plain = Way(octal=answer[1] not in POSIX_SHELLS, frame=_frame(answer[1], answer[2:3]))
    return _Session(link, is_root=answer[0] == "0", plain=plain, noise=done.out.noise + done.err.noise)


def _frame(shell: str, numbers: list[str]) -> Frame:
    """How commands must be wrapped. Only a shell that leads both group and session may be ended as a whole."""
    words = numbers[0].split() if numbers else []
    if len(words) != 3 or len(set(words)) != 1:
        return Frame.GROUPED
    return Frame.BARE if shell in PLAIN_SHELLS else Frame.LED


@contextmanager
def _slot(link: Link, name: str, limits: Limits) -> Iterator[None]:
    """One of the connection's sessions; waits until one is free or somebody asks to stop."""
    while not link.slots.acquire(timeout=LOOK_EVERY):
        if limits.cancel is not None and limits.cancel.is_requested:
            raise Cancelled(f"Stopped on {name}: {limits.cancel.reason or 'a stop was requested'}.")
        if not link.alive:
            raise link.lost(name)
    try:
        yield
    finally:
        link.slots.release()


_SHELL_HINTS = (
    (
        re.compile("password (?:has|is) expired|password change required|change your password", re.I),
        "The user's password has expired, so the machine runs nothing before it is changed: set a new one there "
        "(`passwd` at a terminal, or as root), and enter it here.",
    ),
    (
        re.compile("account (?:has |is )?expired|currently not available|nologin", re.I),
        "The account is closed (`chage -l` shows until when, /etc/passwd its shell): open it, or use another user.",
    ),
    (
        re.compile("permission denied|cannot execute", re.I),
        "Is the shell, or what its profile starts, on a file system without the right to execute (noexec, as some have "
        "for /home)? `chsh -s /bin/sh`, or use another user.",
    ),
)
"""What the login printed instead of running a command -> what to do."""


def _unusable(target: Target, done: Performed) -> ShellUnusable:
    output = plain_text(done.out.text() + " " + done.err.text()).strip()[-300:] or "nothing"
    hint = next(
        (hint for pattern, hint in _SHELL_HINTS if pattern.search(output)),
        "Give the user a normal shell (`chsh -s /bin/sh`), or use another user.",
    )
    return ShellUnusable(
        f"{target.user} can log in to {target.name}, but the login shell runs no commands. It printed: {output}",
        hint=hint if not done.timed_out else "A command in the user's shell profile waits or hangs.",
    )


def _out_of_time(what: str, which: str, done: Performed, result: Result, hint: str = "") -> CommandTimedOut:
    allowed = round(done.allowed, 1)
    return CommandTimedOut(f"{what} did not end within {allowed:g} s and was stopped{which}", result=result, hint=hint)


def _failure(name: str, result: Result) -> str:
    how = f"ended with exit code {result.exit_code}" if result.exit_code >= 0 else "was killed by a signal"
    last = result.last_lines(1)
    output = f": {last[0].strip()[:500]}" if last and last[0].strip() else "; it printed nothing"
    return f"A command on {name} {how}{output}"


def _short(command: Command) -> str:
    first = command.text.strip().partition("\n")[0]
    return first if len(first) <= 120 else first[:119] + "…"
