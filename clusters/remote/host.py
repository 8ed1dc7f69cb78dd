"""Host: the small interface behind which every machine is reached, and what a command gives back."""

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
"""Bytes of a file that is read from a machine, where nobody asks for more: configuration, certificates, manifests."""

READ_WITHIN = 60.0
"""Seconds for that."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended. `seconds` is wall time as seen from here.

    `stdout` and `stderr` are what was printed, unchanged, for programs to read; `last_lines` is for people.
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
        # Into lines first, since a carriage return ends one here; then a line of nothing but codes is no line.
        lines = map(plain_text, (self.stdout + "\n" + self.stderr).splitlines())
        return tuple("\n".join(lines).strip().splitlines()[-count:])


class CommandFailed(RemoteError):
    """A command that had to succeed did not; carries the Result."""

    def __init__(self, message: str, *, result: Result, hint: str = "", retryable: bool = False) -> None:
        super().__init__(message, hint=hint, retryable=retryable)
        self.result = result


class Cancel:
    """A request to stop that any thread may make and that running commands obey.

    `outliving` are the parts of steps that go on although somebody asked, as (machine, step, what they do).
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
    def asked(self) -> bool:
        """Whether somebody asked."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep for `seconds` or until asked; true when asked."""
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

        With `check` a non-zero exit raises CommandFailed. `timeout` is in seconds; when it has run out
        `more` is asked how many seconds were granted beyond it. When these are over too, or `cancel` is
        asked, the whole remote process group is ended (TERM, then KILL) before CommandTimedOut or
        Cancelled is raised. The environment is LC_ALL=C and a full PATH.
        A Path as `stdin` is a local file, sent in pieces. Root's commands without `stdin` share shells,
        when nobody watches (`on_line`) or `shared` is said; such a command must leave nothing running
        that prints.
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
        """Write a file as root: first beside its place, then moved over it. Parents are made (0755).

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
        """Give the connection back; may be called twice."""
        ...
