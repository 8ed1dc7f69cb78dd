"""Host: the small interface through which every machine is used, and the result of a command."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from clusters.errors import RemoteError
from clusters.plaintext import plain_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from clusters.remote.shell import Command

LARGEST_READ = 4 * 1024 * 1024
"""Bytes that are read of a file on a machine by default: configuration, certificates, manifests."""

READ_WITHIN = 60.0
"""Seconds for reading it."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended. `seconds` is wall time as measured here.

    `stdout` and `stderr` are its unchanged output, for programs to read; `last_lines` is for people.
    """

    host: str
    command: str = field(repr=False)
    exit_code: int
    stdout: str = field(repr=False)
    stderr: str = field(repr=False)
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether the command ended with exit code 0."""
        return self.exit_code == 0

    def last_lines(self, count: int = 20) -> tuple[str, ...]:
        """The end of what it printed as plain text, standard error after standard output."""
        # Split first, since a carriage return ends a line here; then lines of nothing but codes become empty.
        lines = map(plain_text, (self.stdout + "\n" + self.stderr).splitlines())
        return tuple("\n".join(lines).strip().splitlines()[-count:])


class CommandFailed(RemoteError):
    """A command that had to succeed failed; carries the Result."""

    def __init__(self, message: str, *, result: Result, hint: str = "", retryable: bool = False) -> None:
        super().__init__(message, hint=hint, retryable=retryable)
        self.result = result


class Cancel:
    """A request to stop that any thread may make and that running commands obey.

    `outliving` are the parts of steps that continue in spite of the request, as (machine, step, what they do).
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self.reason = ""
        self.outliving: set[tuple[str, str, str]] = set()

    def ask(self, reason: str) -> None:
        """Ask everything that holds this to stop."""
        self.reason = self.reason or reason
        self._event.set()

    @property
    def is_requested(self) -> bool:
        """Whether somebody has asked to stop."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep for `seconds` or until somebody asks; true when somebody did."""
        return self._event.wait(seconds)


class Host(Protocol):
    """A machine. All methods raise RemoteError; none prints or reads the server's own streams."""

    name: str

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
        """Run a POSIX shell command, as root unless `sudo` is false.

        With `check` a non-zero exit raises CommandFailed. `timeout` is in seconds; when it has run out,
        `more` returns how many seconds were granted beyond it. When these are over too, or `cancel` is
        requested, the whole remote process group is ended (TERM, then KILL) before CommandTimedOut or
        Cancelled is raised. The environment is LC_ALL=C and a full PATH.
        A Path as `stdin` is a local file, sent in pieces. Root's commands without `stdin` share shells
        when there is no `on_line`, or with `shared`; such a command must leave nothing running that
        prints.
        """
        ...

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
        """Write a file as root: first beside its path, then moved over it. Parent directories are created (0755).

        `timeout`, `more` and `cancel` are those of `run`.
        """
        ...

    def get(
        self,
        path: str,
        *,
        most: int = LARGEST_READ,
        timeout: float = READ_WITHIN,
        more: Callable[[], float] | None = None,
        cancel: Cancel | None = None,
    ) -> bytes:
        """Read a file of at most `most` bytes as root; a missing or a larger one raises RemoteError."""
        ...

    def close(self) -> None:
        """Close the connection; may be called twice."""
        ...
